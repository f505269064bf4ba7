/* SCPI lines: program messages in, one line of answers out (SCPI-99; IEEE 488.2-1992). */
#include <stdbool.h>
#include <string.h>

#include "protocol.h"
#include "scpi_header.h"
#include "scpi_units.h"

#define LONGEST_HEADER 60U

static char line[SCPI_LONGEST + 1U];
static uint8_t line_length;
static bool overrun;

static char *skip_blanks(char *text)
{
    while ((*text == ' ') || (*text == '\t')) {
        text++;
    }
    return text;
}

/* Cut blanks off the end. */
static void trim(char *text)
{
    size_t length = strlen(text);
    while ((length > 0U) && ((text[length - 1U] == ' ') || (text[length - 1U] == '\t'))) {
        length--;
    }
    text[length] = '\0';
}

/* Put the path before a header that begins neither with : nor with *, and keep the path for the next unit. */
static bool resolve(const char *header, char *path, char *resolved)
{
    const bool is_common = (*header == '*');
    resolved[0] = '\0';
    if (*header == ':') {
        header++;
    } else if (!is_common) {
        (void)strcpy(resolved, path);
    } else {
        /* common commands stand outside the tree */
    }
    if ((strlen(resolved) + strlen(header)) > LONGEST_HEADER) {
        return false;
    }
    (void)strcat(resolved, header);
    if (!is_common) {
        const char *const last = strrchr(resolved, ':');
        const size_t length = (last == NULL) ? 0U : (size_t)(last - resolved) + 1U;
        (void)memcpy(path, resolved, length);
        path[length] = '\0';
    }
    return true;
}

/* Carry out a message, unit by unit; an error ends it (IEEE 488.2, 6.4.3). */
static void message(char *text)
{
    static char path[LONGEST_HEADER + 1U];
    static char header[LONGEST_HEADER + 1U];
    enum scpi_error error = SCPI_NO_ERROR;
    path[0] = '\0';
    for (char *next = text; (next != NULL) && (error == SCPI_NO_ERROR);) {
        char *const given = skip_blanks(next);
        next = strchr(given, ';');
        if (next != NULL) {
            *next = '\0';
            next++;
        }
        trim(given);
        if (*given == '\0') {
            continue;
        }
        char *const blank = strpbrk(given, " \t");
        const char *parameter = "";
        if (blank != NULL) {
            *blank = '\0';
            parameter = skip_blanks(blank + 1);
        }
        if (!scpi_header_is_valid(given) || !resolve(given, path, header)) {
            error = SCPI_SYNTAX_ERROR;
        } else {
            error = scpi_unit(header, parameter);
        }
    }
    if (error != SCPI_NO_ERROR) {
        scpi_error(error);
    }
}

void protocol_init(void)
{
    line_length = 0U;
    overrun = false;
    scpi_status_init();
}

void protocol_receive(uint8_t byte)
{
    if (byte != (uint8_t)'\n') {
        if (line_length < SCPI_LONGEST) {
            line[line_length] = (char)byte;
            line_length++;
        } else {
            overrun = true; /* skip to the end of the line */
        }
        return;
    }
    if ((line_length > 0U) && (line[line_length - 1U] == '\r')) {
        line_length--;
    }
    line[line_length] = '\0';
    line_length = 0U;
    scpi_answers_begin();
    if (overrun) {
        overrun = false;
        scpi_error(SCPI_INPUT_OVERRUN);
    } else {
        message(line);
    }
    scpi_answers_send();
}

uint32_t protocol_tick(void)
{
    return UINT32_MAX; /* an instrument speaks when it is spoken to */
}
