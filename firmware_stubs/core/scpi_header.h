/* Headers of program messages (SCPI-99 volume 1, 6.2): short and long forms, numeric suffixes. */
#ifndef SCPI_HEADER_H
#define SCPI_HEADER_H

#include <stdbool.h>

/* Whether `text` is a header at all: keywords between colons, perhaps * before and ? behind. */
bool scpi_header_is_valid(const char *text);

/* Whether a header, with its path already resolved, means `pattern`, whose capitals are the short form:
 * either form of each keyword, in any case, and a suffix 1 may be left out. */
bool scpi_header_matches(const char *pattern, const char *header);

#endif
