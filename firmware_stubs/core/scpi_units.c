/* What single units of a program message do: the profile's headers, and those that every instrument has. */
#include "scpi_units.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hal.h"
#include "number.h"
#include "profile.h"
#include "scpi_header.h"
#include "signals.h"

static char answers[SCPI_LONGEST + 1U];
static uint8_t answers_length;

/* Answers -------------------------------------------------------------------------------------- */

void scpi_answers_begin(void)
{
    answers_length = 0U;
}

void scpi_answers_send(void)
{
    if (answers_length > 0U) {
        answers[answers_length] = '\n';
        (void)hal_send((const uint8_t *)answers, (uint16_t)(answers_length + 1U));
    }
}

static void put(const char *text)
{
    const size_t length = strlen(text);
    if ((answers_length + length) < SCPI_LONGEST) {
        (void)memcpy(&answers[answers_length], text, length);
        answers_length += (uint8_t)length;
    } else {
        scpi_error(SCPI_QUERY_DEADLOCKED);
    }
}

static void answer(const char *text)
{
    if (answers_length > 0U) {
        put(";");
    }
    put(text);
}

static void answer_whole(int16_t number)
{
    char text[7];
    uint8_t at = (uint8_t)(sizeof text - 1U);
    uint16_t rest = (uint16_t)((number < 0) ? -number : number);
    text[at] = '\0';
    do {
        at--;
        text[at] = (char)('0' + (char)(rest % 10U));
        rest /= 10U;
    } while (rest > 0U);
    if (number < 0) {
        at--;
        text[at] = '-';
    }
    answer(&text[at]);
}

/* Common commands ------------------------------------------------------------------------------ */

static void identity(void)
{
    answer(SCPI_IDENTITY);
}

static void next_error(void)
{
    const enum scpi_error code = scpi_next_error();
    answer_whole((int16_t)code);
    put(",\"");
    put(scpi_error_text(code));
    put("\"");
}

static void events(void)
{
    answer_whole((int16_t)scpi_read_events());
}

static void event_enable(void)
{
    answer_whole((int16_t)scpi_event_enable);
}

static void service_enable(void)
{
    answer_whole((int16_t)scpi_service_enable);
}

static void status_byte(void)
{
    answer_whole((int16_t)scpi_status_byte());
}

static void one(void)
{
    answer_whole(1);
}

static void zero(void)
{
    answer_whole(0);
}

static void nothing(void)
{
    /* *WAI: every command is over before the next is read */
}

static void version(void)
{
    answer("1999.0");
}

static const struct {
    const char *header;
    void (*action)(void);
} COMMON[] = {
    {"*IDN?", identity},
    {"*RST", signals_safe},
    {"*CLS", scpi_clear},
    {"*ESR?", events},
    {"*ESE?", event_enable},
    {"*SRE?", service_enable},
    {"*STB?", status_byte},
    {"*OPC", scpi_operation_complete},
    {"*OPC?", one},
    {"*WAI", nothing},
    {"*TST?", zero},
    {"SYSTem:ERRor?", next_error},
    {"SYSTem:ERRor:NEXT?", next_error},
    {"SYSTem:VERSion?", version},
};

/* Units ---------------------------------------------------------------------------------------- */

/* Read the one number that a setting takes; ON and OFF are numbers too (SCPI-99 volume 1, 7.3). */
static enum scpi_error number_of(const char *parameter, float *value)
{
    enum scpi_error error = SCPI_NO_ERROR;
    if (*parameter == '\0') {
        error = SCPI_MISSING_PARAMETER;
    } else if (strchr(parameter, ',') != NULL) {
        error = SCPI_PARAMETER_NOT_ALLOWED;
    } else if (scpi_header_matches("ON", parameter)) {
        *value = 1.0F;
    } else if (scpi_header_matches("OFF", parameter)) {
        *value = 0.0F;
    } else if (!number_parse(parameter, value)) {
        error = SCPI_DATA_TYPE_ERROR;
    } else {
        /* it is in *value */
    }
    return error;
}

static enum scpi_error set_register(uint8_t *which, const char *parameter)
{
    float value = 0.0F;
    enum scpi_error error = number_of(parameter, &value);
    if ((error == SCPI_NO_ERROR) && !((value >= 0.0F) && (value <= 255.0F))) {
        error = SCPI_DATA_OUT_OF_RANGE;
    }
    if (error == SCPI_NO_ERROR) {
        *which = (uint8_t)(value + 0.5F);
    }
    return error;
}

static enum scpi_error signal_unit(const struct header *header, const char *parameter)
{
    enum scpi_error error = SCPI_NO_ERROR;
    float value = 0.0F;
    if (!header->is_query) {
        error = number_of(parameter, &value);
        if ((error == SCPI_NO_ERROR) && (signals_command(header->signal, value) != OUTCOME_OK)) {
            error = SCPI_DATA_OUT_OF_RANGE;
        }
    } else if (*parameter != '\0') {
        error = SCPI_PARAMETER_NOT_ALLOWED;
    } else {
        char text[NUMBER_TEXT];
        (void)number_format(signals_get(header->signal), text);
        answer(text);
    }
    return error;
}

enum scpi_error scpi_unit(const char *header, const char *parameter)
{
    for (uint8_t i = 0U; i < (uint8_t)HEADER_COUNT; i++) {
        if (scpi_header_matches(HEADERS[i].text, header)) {
            return signal_unit(&HEADERS[i], parameter);
        }
    }
    for (size_t i = 0U; i < (sizeof COMMON / sizeof COMMON[0]); i++) {
        if (scpi_header_matches(COMMON[i].header, header)) {
            if (*parameter != '\0') {
                return SCPI_PARAMETER_NOT_ALLOWED;
            }
            COMMON[i].action();
            return SCPI_NO_ERROR;
        }
    }
    if (scpi_header_matches("*ESE", header)) {
        return set_register(&scpi_event_enable, parameter);
    }
    if (scpi_header_matches("*SRE", header)) {
        return set_register(&scpi_service_enable, parameter);
    }
    return SCPI_UNDEFINED_HEADER;
}
