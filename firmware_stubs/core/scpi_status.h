/* What an instrument remembers of its errors (IEEE 488.2-1992, chapter 11; SCPI-99 volume 2, 21.8). */
#ifndef SCPI_STATUS_H
#define SCPI_STATUS_H

#include <stdint.h>

enum scpi_error {
    SCPI_NO_ERROR = 0,
    SCPI_SYNTAX_ERROR = -102,
    SCPI_DATA_TYPE_ERROR = -104,
    SCPI_PARAMETER_NOT_ALLOWED = -108,
    SCPI_MISSING_PARAMETER = -109,
    SCPI_UNDEFINED_HEADER = -113,
    SCPI_DATA_OUT_OF_RANGE = -222,
    SCPI_QUEUE_OVERFLOW = -350,
    SCPI_INPUT_OVERRUN = -363,
    SCPI_QUERY_DEADLOCKED = -430 /* the answers do not fit: the output buffer is full */
};

extern uint8_t scpi_event_enable;   /* *ESE */
extern uint8_t scpi_service_enable; /* *SRE */

/* As after power on. */
void scpi_status_init(void);

/* Remember an error; the last of a full queue becomes -350. */
void scpi_error(enum scpi_error code);

/* Take the oldest error. */
enum scpi_error scpi_next_error(void);

/* The words of an error. */
const char *scpi_error_text(enum scpi_error code);

/* Forget errors and events, as *CLS does. */
void scpi_clear(void);

/* Return the event register and clear it, as *ESR? does. */
uint8_t scpi_read_events(void);

/* Note that all operations are complete, as *OPC does. */
void scpi_operation_complete(void);

/* The status byte, as *STB? answers it. */
uint8_t scpi_status_byte(void);

#endif
