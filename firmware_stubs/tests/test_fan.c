/* The fan node by hand: telemetry, acknowledged commands, and what must never come out of it. */
#include "check.h"
#include "crc16.h"
#include "hand.h"
#include "stuffing.h"

static uint16_t crc(const uint8_t *bytes, uint16_t size)
{
    uint16_t value = 0xFFFFU;
    for (uint16_t i = 0U; i < size; i++) {
        value = crc16_msb(value, bytes[i], 0x1021U);
    }
    return value;
}

/* Give a frame with `size` bytes of payload, whose CRC is wrong by `damage`. */
static void command(uint8_t kind, uint8_t sequence, const char *payload, uint8_t size, uint16_t damage)
{
    uint8_t raw[300] = {kind, sequence};
    uint8_t stuffed[310];
    (void)memcpy(&raw[2], payload, size);
    const uint16_t sum = (uint16_t)(crc(raw, (uint16_t)(size + 2U)) ^ damage);
    raw[size + 2U] = (uint8_t)sum;
    raw[size + 3U] = (uint8_t)(sum >> 8U);
    const uint16_t length = stuffing_stuff(raw, (uint16_t)(size + 4U), stuffed);
    stuffed[length] = 0U;
    hand_give(stuffed, (uint16_t)(length + 1U));
}

/* Find the next frame of a kind in what was sent, from *at on; its size without CRC, 0 when there is none. */
static uint16_t next(uint8_t kind, uint16_t *at, uint8_t *frame)
{
    while (*at < hand_sent_size) {
        const uint8_t *const end = memchr(&hand_sent[*at], 0, (size_t)(hand_sent_size - *at));
        CHECK(end != NULL);
        if (end == NULL) {
            break;
        }
        const uint16_t stuffed = (uint16_t)(end - &hand_sent[*at]);
        (void)memcpy(frame, &hand_sent[*at], stuffed);
        *at = (uint16_t)(*at + stuffed + 1U);
        const uint16_t size = stuffing_unstuff(frame, stuffed);
        CHECK(size >= 4U);
        CHECK(crc(frame, (uint16_t)(size - 2U)) == (frame[size - 2U] | (frame[size - 1U] << 8U)));
        if (frame[0] == kind) {
            return (uint16_t)(size - 2U);
        }
    }
    return 0U;
}

/* The status that answers a command, -1 when nothing does. */
static int answered(uint8_t kind, uint8_t sequence)
{
    uint8_t frame[300];
    uint16_t at = 0U;
    const uint16_t size = next((uint8_t)(kind | 0x80U), &at, frame);
    CHECK((size == 0U) || ((size == 3U) && (frame[1] == sequence)));
    return (size == 0U) ? -1 : frame[2];
}

static void telemetry_comes_at_its_rate_and_counts(void)
{
    uint8_t frame[300];
    uint16_t at = 0U;
    uint8_t count = 0U;
    hand_adc[0] = 32768U;
    hand_wait_us(20000U);
    hand_sent_size = 0U;
    hand_wait_us(500000U);
    uint8_t expected = 0U;
    for (uint16_t size = next(0x01U, &at, frame); size != 0U; size = next(0x01U, &at, frame)) {
        float speed;
        CHECK(size == 8U);
        (void)memcpy(&speed, &frame[2], sizeof speed); /* this machine is little-endian too */
        CHECK((speed > 1650.0F) && (speed < 1650.1F));
        CHECK((count == 0U) || (frame[1] == expected));
        expected = (uint8_t)(frame[1] + 1U);
        count++;
    }
    CHECK((count >= 49U) && (count <= 51U));
}

static void commands_are_answered(void)
{
    command(0x10U, 7U, "\x88\x13", 2U, 0U); /* 50.00 % */
    CHECK(answered(0x10U, 7U) == 0);
    CHECK(hand_duty[0] == 32768U);
    command(0x10U, 8U, "\x11\x27", 2U, 0U); /* 100.01 % */
    CHECK(answered(0x10U, 8U) == 2);
    command(0x10U, 9U, "\x10\x27", 2U, 0U); /* 100.00 % */
    CHECK(answered(0x10U, 9U) == 0);
    CHECK(hand_duty[0] == 65535U);
    command(0x10U, 10U, "\x10", 1U, 0U);
    CHECK(answered(0x10U, 10U) == 3);
    command(0x42U, 11U, "", 0U, 0U);
    CHECK(answered(0x42U, 11U) == 1);
}

static void damaged_frames_are_dropped_in_silence(void)
{
    char longest[250];
    (void)memset(longest, 'x', sizeof longest);
    command(0x10U, 1U, "\x88\x13", 2U, 1U);
    CHECK(answered(0x10U, 1U) == -1);
    command(0x01U, 1U, "\x88\x13", 2U, 0U); /* telemetry is ours to send */
    CHECK(answered(0x01U, 1U) == -1);
    command(0x10U, 2U, longest, sizeof longest, 0U);
    CHECK(answered(0x10U, 2U) == 3);
    for (int i = 0; i < 1000; i++) {
        const uint8_t noise = (uint8_t)((i % 255) + 1);
        hand_give(&noise, 1U);
    }
    hand_give("", 1U); /* a delimiter brings it back into step */
    command(0x10U, 3U, "\x88\x13", 2U, 0U);
    CHECK(answered(0x10U, 3U) == 0);
}

static void a_full_line_loses_frames_and_says_so_by_their_numbers(void)
{
    uint8_t frame[300];
    uint16_t at = 0U;
    hand_sent_size = 0U;
    hand_room = 0U;
    hand_wait_us(300000U);
    hand_room = sizeof hand_sent;
    hand_wait_us(20000U);
    CHECK(next(0x01U, &at, frame) == 8U); /* not the thirty that nobody could read */
    CHECK(hand_sent_size < 100U);
}

static void the_watchdog_leaves_the_fan_at_its_safe_speed(void)
{
    command(0x10U, 1U, "\x88\x13", 2U, 0U);
    hand_wait_us(400000U);
    CHECK(hand_duty[0] == 32768U);
    hand_wait_us(110000U);
    CHECK(hand_duty[0] == 19661U); /* 30 % */
    CHECK(strstr(hand_log, "watchdog: no command within 0.5 s") != NULL);
}

int main(void)
{
    hand_start();
    CHECK(hand_duty[0] == 19661U);
    telemetry_comes_at_its_rate_and_counts();
    commands_are_answered();
    damaged_frames_are_dropped_in_silence();
    a_full_line_loses_frames_and_says_so_by_their_numbers();
    the_watchdog_leaves_the_fan_at_its_safe_speed();
    return CHECK_DONE();
}
