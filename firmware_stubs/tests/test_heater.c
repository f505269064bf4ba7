/* The heater node by hand: Modbus RTU, byte for byte. */
#include "check.h"
#include "crc16.h"
#include "hand.h"

static uint16_t crc(const uint8_t *bytes, uint16_t size)
{
    uint16_t value = 0xFFFFU;
    for (uint16_t i = 0U; i < size; i++) {
        value = crc16_lsb(value, bytes[i], 0xA001U);
    }
    return value;
}

/* Give a request, to which the CRC is added here. */
static void ask(const char *request, uint16_t size)
{
    uint8_t frame[300];
    (void)memcpy(frame, request, size);
    const uint16_t sum = crc(frame, size);
    frame[size] = (uint8_t)sum;
    frame[size + 1U] = (uint8_t)(sum >> 8U);
    hand_give(frame, (uint16_t)(size + 2U));
}

/* Whether the reply is this, and its CRC right. */
static int answers(const char *request, uint16_t size, const char *reply, uint16_t reply_size)
{
    ask(request, size);
    return (hand_sent_size == (reply_size + 2U)) && (memcmp(hand_sent, reply, reply_size) == 0) &&
           (crc(hand_sent, hand_sent_size) == 0U);
}

#define ANSWERS(request, reply)                                                                              \
    CHECK(answers((request), (uint16_t)(sizeof(request) - 1U), (reply), (uint16_t)(sizeof(reply) - 1U)))

static void registers_are_read(void)
{
    hand_adc[1] = 13107U; /* a fifth of 5 A */
    hand_wait_us(20000U);
    ANSWERS("\x01\x04\x00\x02\x00\x01", "\x01\x04\x02\x03\xE8");
    ANSWERS("\x01\x03\x00\x00\x00\x03", "\x01\x03\x06\x00\x00\x00\x00\x00\x00");
    ask("\x01\x04\x00\x00\x00\x07", 6U);
    CHECK(hand_sent_size == 19U);
    CHECK(crc(hand_sent, hand_sent_size) == 0U);
}

static void registers_are_written(void)
{
    ANSWERS("\x01\x10\x00\x00\x00\x02\x04\x42\x48\x00\x00", "\x01\x10\x00\x00\x00\x02"); /* 50.0 */
    CHECK(hand_duty[0] == 32768U);
    ANSWERS("\x01\x03\x00\x00\x00\x02", "\x01\x03\x04\x42\x48\x00\x00");
    ANSWERS("\x01\x06\x00\x02\x12\x34", "\x01\x06\x00\x02\x12\x34");
    ANSWERS("\x01\x06\x00\x00\x42\x20", "\x01\x06\x00\x00\x42\x20"); /* the high half of 40.0 */
    CHECK(hand_duty[0] == 26214U);
}

static void what_cannot_be_is_an_exception(void)
{
    ANSWERS("\x01\x03\x00\x02\x00\x02", "\x01\x83\x02");
    ANSWERS("\x01\x03\x00\x00\x00\x00", "\x01\x83\x03");
    ANSWERS("\x01\x03\x00\x00\x00\x7E", "\x01\x83\x03");
    ANSWERS("\x01\x04\xFF\xFF\x00\x02", "\x01\x84\x02");
    ANSWERS("\x01\x06\x00\x09\x00\x00", "\x01\x86\x02");
    ANSWERS("\x01\x06\x00\x00\x7F\x80", "\x01\x86\x03"); /* infinity */
    ANSWERS("\x01\x06\x00\x00\x43\x48", "\x01\x86\x03"); /* 200 % */
    ANSWERS("\x01\x10\x00\x00\x00\x02\x02\x42\x48", "\x01\x90\x03");
    ANSWERS("\x01\x01\x00\x00\x00\x08", "\x01\x81\x01");
    ANSWERS("\x01\x2B\x0E\x01\x00", "\x01\xAB\x01");
    CHECK(hand_duty[0] == 26214U); /* nothing of it was taken */
}

static void writing_is_all_or_nothing(void)
{
    ANSWERS("\x01\x10\x00\x01\x00\x03\x06\x00\x00\x00\x05\x00\x00", "\x01\x90\x02");
    ANSWERS("\x01\x03\x00\x02\x00\x01", "\x01\x03\x02\x12\x34");
}

static void only_the_addressed_unit_answers(void)
{
    ask("\x02\x03\x00\x00\x00\x01", 6U);
    CHECK(hand_sent_size == 0U);
    ask("\x00\x06\x00\x02\x00\x07", 6U); /* told to all, answered by nobody */
    CHECK(hand_sent_size == 0U);
    ANSWERS("\x01\x03\x00\x02\x00\x01", "\x01\x03\x02\x00\x07");
}

static void the_line_comes_back_into_step(void)
{
    hand_give("\x01\x03\x00", 3U); /* a frame that stops */
    CHECK(hand_sent_size == 0U);
    hand_wait_us(30000U);
    ANSWERS("\x01\x03\x00\x02\x00\x01", "\x01\x03\x02\x00\x07");
    hand_give("\xFF\x00\x55", 3U); /* noise right before a request */
    ANSWERS("\x01\x03\x00\x02\x00\x01", "\x01\x03\x02\x00\x07");
    hand_give("\x01\x03\x00\x02\x00\x01\x25\xCB", 8U); /* wrong by one bit */
    CHECK(hand_sent_size == 0U);
    hand_wait_us(30000U);
    ANSWERS("\x01\x03\x00\x02\x00\x01", "\x01\x03\x02\x00\x07");
    for (int i = 0; i < 2000; i++) {
        const uint8_t noise = (uint8_t)((i * 37) ^ (i >> 3));
        hand_give(&noise, 1U);
    }
    hand_wait_us(30000U);
    ANSWERS("\x01\x03\x00\x02\x00\x01", "\x01\x03\x02\x00\x00"); /* no command came in all that time */
}

int main(void)
{
    hand_start();
    registers_are_read();
    registers_are_written();
    what_cannot_be_is_an_exception();
    writing_is_all_or_nothing();
    only_the_addressed_unit_answers();
    the_line_comes_back_into_step();
    return CHECK_DONE();
}
