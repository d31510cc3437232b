/* utf8: is this text? Pure. (RFC 3629: no surrogates, nothing overlong, nothing over U+10FFFF.) */
#ifndef LC_BASE_UTF8_H
#define LC_BASE_UTF8_H

#include "base/bytes.h"

/* utf8_valid: all of it is UTF-8 without NUL. The empty slice is. */
bool utf8_valid(struct slice s);

/* utf8_is_words, utf8_is_line: is there no control character (C0, DEL, C1) in this UTF-8? Words may
 * have tabs and line feeds, which a line has not. */
bool utf8_is_words(struct slice s);
bool utf8_is_line(struct slice s);

/* utf8_next: the length (1 to 4) of the character that s begins with; 0 when s is empty or begins
 * with something that is not UTF-8. NUL counts as a character here. */
size_t utf8_next(struct slice s);

#endif
