#include "scpi_header.h"

#include <stdint.h>

static bool is_digit(char c)
{
    return (c >= '0') && (c <= '9');
}

static bool is_small(char c)
{
    return (c >= 'a') && (c <= 'z');
}

static char capital(char c)
{
    return is_small(c) ? (char)(c - 'a' + 'A') : c;
}

static bool is_letter(char c)
{
    return (capital(c) >= 'A') && (capital(c) <= 'Z');
}

static bool in_keyword(char c)
{
    return is_letter(c) || is_digit(c) || (c == '_');
}

bool scpi_header_is_valid(const char *text)
{
    if (*text == ':') {
        text++;
    }
    if (*text == '*') {
        text++;
    }
    bool valid = is_letter(*text);
    for (; valid && (*text != '\0') && (*text != '?'); text++) {
        valid = in_keyword(*text) || ((*text == ':') && is_letter(text[1]));
    }
    return valid && ((*text == '\0') || (text[1] == '\0'));
}

/* Length of the keyword that begins here, with its numeric suffix. */
static uint8_t keyword_length(const char *text)
{
    uint8_t length = 0U;
    while (in_keyword(text[length])) {
        length++;
    }
    return length;
}

/* Length of a keyword's name, without its numeric suffix. */
static uint8_t name_length(const char *text, uint8_t length)
{
    while ((length > 0U) && is_digit(text[length - 1U])) {
        length--;
    }
    return length;
}

/* Length of the short form of a name: up to its trailing small letters, all of it when it has no capitals. */
static uint8_t short_length(const char *text, uint8_t length)
{
    uint8_t short_form = length;
    while ((short_form > 0U) && is_small(text[short_form - 1U])) {
        short_form--;
    }
    return (short_form > 0U) ? short_form : length;
}

static bool same(const char *a, const char *b, uint8_t length)
{
    bool equal = true;
    for (uint8_t i = 0U; i < length; i++) {
        equal = equal && (capital(a[i]) == capital(b[i]));
    }
    return equal;
}

static bool same_suffix(const char *a, uint8_t a_length, const char *b, uint8_t b_length)
{
    const char *const first = (a_length > 0U) ? a : "1";
    const char *const second = (b_length > 0U) ? b : "1";
    const uint8_t first_length = (a_length > 0U) ? a_length : 1U;
    const uint8_t second_length = (b_length > 0U) ? b_length : 1U;
    return (first_length == second_length) && same(first, second, first_length);
}

static bool keyword_matches(const char *pattern, uint8_t pattern_length, const char *text, uint8_t length)
{
    const uint8_t long_form = name_length(pattern, pattern_length);
    const uint8_t short_form = short_length(pattern, long_form);
    const uint8_t name = name_length(text, length);
    return ((name == long_form) || (name == short_form)) && same(pattern, text, name) &&
           same_suffix(&pattern[long_form], (uint8_t)(pattern_length - long_form), &text[name],
                       (uint8_t)(length - name));
}

bool scpi_header_matches(const char *pattern, const char *header)
{
    bool matches = true;
    while (matches && (*pattern != '\0') && (*header != '\0')) {
        const uint8_t pattern_length = keyword_length(pattern);
        const uint8_t length = keyword_length(header);
        matches = keyword_matches(pattern, pattern_length, header, length);
        pattern += pattern_length;
        header += length;
        matches = matches && (*pattern == *header); /* both ':', '?', '*' or at their ends */
        if (matches && (*pattern != '\0')) {
            pattern++;
            header++;
        }
    }
    return matches && (*pattern == '\0') && (*header == '\0');
}
