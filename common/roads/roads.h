#ifndef LC_ROADS_ROADS_H
#define LC_ROADS_ROADS_H

/* What an error text may take, its NUL included. */
enum { ROADS_ERROR_MAX = 256 };

#endif
