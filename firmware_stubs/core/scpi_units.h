/* The units of a program message, and the line of answers that they gather. */
#ifndef SCPI_UNITS_H
#define SCPI_UNITS_H

#include "scpi_status.h"

#define SCPI_LONGEST 120U /* bytes of a line, and of the answers to it */

/* Forget the answers to the message before. */
void scpi_answers_begin(void);

/* Send the answers that were gathered as one line, if there are any. */
void scpi_answers_send(void);

/* Carry out one unit whose header has its path. */
enum scpi_error scpi_unit(const char *header, const char *parameter);

#endif
