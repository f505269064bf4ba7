/* Between the pins and the signals, as the node file says. */
#ifndef IO_H
#define IO_H

#include <stdbool.h>

/* Read every input into its signal. */
void io_sample(void);

/* Bring every output to its signal's value. */
void io_drive(void);

/* Whether every output is at its safe value. */
bool io_is_safe(void);

#endif
