/* A board by hand: a test moves its time, gives it bytes, and sees what it sends and drives. */
#ifndef HAND_H
#define HAND_H

#include <stdint.h>

extern uint32_t hand_us;
extern uint16_t hand_adc[16];
extern uint16_t hand_duty[16];
extern uint8_t hand_sent[4096];
extern uint16_t hand_sent_size;
extern uint16_t hand_room;
extern char hand_log[4096];

/* Power on. */
void hand_start(void);

/* Give bytes to the node and let it turn until it has taken them all; forgets what was sent before. */
void hand_give(const void *bytes, uint16_t size);

/* Let time pass, in turns of at most a millisecond. */
void hand_wait_us(uint32_t us);

#endif
