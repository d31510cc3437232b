#include "base/address.h"

const char *
address_precision_name(enum address_precision p)
{
    switch (p) {
    case ADDRESS_NONE:
        return "none";
    case ADDRESS_EXACT:
        return "exact";
    case ADDRESS_INTERPOLATED:
        return "interpolated";
    case ADDRESS_STREET:
        return "street";
    case ADDRESS_AMBIGUOUS:
        return "ambiguous";
    }
    return "none";
}
