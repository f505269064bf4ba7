#include "scpi_status.h"

#include <stddef.h>

#define QUEUE 16U

#define POWER_ON           0x80U
#define COMMAND_ERROR      0x20U
#define EXECUTION_ERROR    0x10U
#define DEVICE_ERROR       0x08U
#define QUERY_ERROR        0x04U
#define OPERATION_COMPLETE 0x01U

#define QUEUE_NOT_EMPTY 0x04U /* in the status byte */
#define EVENT_SUMMARY   0x20U
#define SERVICE         0x40U

uint8_t scpi_event_enable;
uint8_t scpi_service_enable;

static int16_t queue[QUEUE];
static uint8_t oldest;
static uint8_t waiting;
static uint8_t events;

void scpi_status_init(void)
{
    scpi_event_enable = 0U;
    scpi_service_enable = 0U;
    scpi_clear();
    events = POWER_ON;
}

void scpi_clear(void)
{
    oldest = 0U;
    waiting = 0U;
    events = 0U;
}

void scpi_error(enum scpi_error code)
{
    /* Classes by hundreds: SCPI-99 volume 2, 21.8.9 to 21.8.12. */
    static const uint8_t BITS[] = {0U, COMMAND_ERROR, EXECUTION_ERROR, DEVICE_ERROR, QUERY_ERROR};
    events |= BITS[-(int16_t)code / 100];
    if (waiting < QUEUE) {
        queue[(oldest + waiting) % QUEUE] = (int16_t)code;
        waiting++;
    } else {
        queue[(oldest + QUEUE - 1U) % QUEUE] = (int16_t)SCPI_QUEUE_OVERFLOW;
    }
}

enum scpi_error scpi_next_error(void)
{
    enum scpi_error code = SCPI_NO_ERROR;
    if (waiting > 0U) {
        code = (enum scpi_error)queue[oldest];
        oldest = (uint8_t)((oldest + 1U) % QUEUE);
        waiting--;
    }
    return code;
}

const char *scpi_error_text(enum scpi_error code)
{
    static const struct {
        int16_t code;
        const char *text;
    } TEXTS[] = {
        {SCPI_NO_ERROR, "No error"},
        {SCPI_SYNTAX_ERROR, "Syntax error"},
        {SCPI_DATA_TYPE_ERROR, "Data type error"},
        {SCPI_PARAMETER_NOT_ALLOWED, "Parameter not allowed"},
        {SCPI_MISSING_PARAMETER, "Missing parameter"},
        {SCPI_UNDEFINED_HEADER, "Undefined header"},
        {SCPI_DATA_OUT_OF_RANGE, "Data out of range"},
        {SCPI_QUEUE_OVERFLOW, "Queue overflow"},
        {SCPI_INPUT_OVERRUN, "Input buffer overrun"},
    };
    const char *text = "Query DEADLOCKED";
    for (size_t i = 0U; i < (sizeof TEXTS / sizeof TEXTS[0]); i++) {
        if (TEXTS[i].code == (int16_t)code) {
            text = TEXTS[i].text;
        }
    }
    return text;
}

uint8_t scpi_read_events(void)
{
    const uint8_t read = events;
    events = 0U;
    return read;
}

void scpi_operation_complete(void)
{
    events |= OPERATION_COMPLETE;
}

uint8_t scpi_status_byte(void)
{
    uint8_t byte = ((events & scpi_event_enable) != 0U) ? EVENT_SUMMARY : 0U;
    if (waiting > 0U) {
        byte |= QUEUE_NOT_EMPTY;
    }
    if ((byte & scpi_service_enable) != 0U) {
        byte |= SERVICE;
    }
    return byte;
}
