/* The least that a test needs: say what differs and where, count, go on. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int check_failures;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                           \
            check_failures++;                                                                                \
        }                                                                                                    \
    } while (0)

#define CHECK_TEXT(got, wanted)                                                                              \
    do {                                                                                                     \
        const char *const check_got = (got);                                                                 \
        if (strcmp(check_got, (wanted)) != 0) {                                                              \
            printf("%s:%d: got '%s', wanted '%s'\n", __FILE__, __LINE__, check_got, (wanted));               \
            check_failures++;                                                                                \
        }                                                                                                    \
    } while (0)

#define CHECK_DONE() ((check_failures == 0) ? 0 : 1)

#endif
