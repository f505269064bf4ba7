/* The present values of the node's signals, in the profile's units. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdint.h>

enum outcome { OUTCOME_OK, OUTCOME_OUT_OF_RANGE, OUTCOME_READ_ONLY };

/* Bring every signal that can be written to its safe value, and drive the outputs. */
void signals_safe(void);

/* The value of a signal. */
float signals_get(uint8_t signal);

/* Set a value from the inside: it was measured. */
void signals_set(uint8_t signal, float value);

/* Whether a value could be commanded. */
enum outcome signals_judge(uint8_t signal, float value);

/* Take a value from the controller: judge it, set it, drive its output, and content the watchdog. */
enum outcome signals_command(uint8_t signal, float value);

#endif
