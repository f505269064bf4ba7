#include "hand.h"

#include <string.h>

#include "hal.h"
#include "node.h"

uint32_t hand_us;
uint16_t hand_adc[16];
uint16_t hand_duty[16];
uint8_t hand_sent[4096];
uint16_t hand_sent_size;
uint16_t hand_room = sizeof hand_sent;
char hand_log[4096];

static const uint8_t *waiting;
static uint16_t waiting_size;

void hand_start(void)
{
    hand_log[0] = '\0';
    hand_sent_size = 0U;
    node_init();
}

void hand_give(const void *bytes, uint16_t size)
{
    hand_sent_size = 0U;
    waiting = bytes;
    waiting_size = size;
    while (waiting_size > 0U) {
        node_turn();
    }
}

void hand_wait_us(uint32_t us)
{
    const uint32_t begin = hand_us;
    while ((hand_us - begin) < us) {
        node_turn();
    }
}

void hal_init(void) {}

enum boot_reason hal_boot_reason(void)
{
    return BOOT_POWER_ON;
}

uint32_t hal_us(void)
{
    return hand_us;
}

int16_t hal_receive(void)
{
    int16_t byte = -1;
    if (waiting_size > 0U) {
        byte = *waiting;
        waiting++;
        waiting_size--;
    }
    return byte;
}

bool hal_send(const uint8_t *data, uint16_t size)
{
    if ((hand_sent_size + size) > hand_room) {
        return false;
    }
    (void)memcpy(&hand_sent[hand_sent_size], data, size);
    hand_sent_size = (uint16_t)(hand_sent_size + size);
    return true;
}

uint16_t hal_adc(uint8_t channel)
{
    return hand_adc[channel];
}

void hal_pwm(uint8_t channel, uint16_t duty)
{
    hand_duty[channel] = duty;
}

void hal_log(const char *text)
{
    if ((strlen(hand_log) + strlen(text) + 2U) < sizeof hand_log) {
        (void)strcat(strcat(hand_log, text), "\n");
    }
}

void hal_kick(void) {}

void hal_wait(uint32_t us)
{
    hand_us += (us < 1000U) ? us : 1000U;
}
