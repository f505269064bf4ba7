/* Numbers, checksums and stuffing, against values from their standards. */
#include <float.h>
#include <math.h>

#include "check.h"
#include "crc16.h"
#include "number.h"
#include "stuffing.h"

static const char *formatted(float value)
{
    static char text[NUMBER_TEXT + 1];
    const uint8_t length = number_format(value, text);
    CHECK(length < NUMBER_TEXT);
    CHECK(strlen(text) == length);
    return text;
}

static void numbers_are_written(void)
{
    CHECK_TEXT(formatted(0.0F), "0.0000");
    CHECK_TEXT(formatted(-12.5F), "-12.5000");
    CHECK_TEXT(formatted(99.99996F), "100.0000");
    CHECK_TEXT(formatted(99999.0F), "99999.0000");
    CHECK_TEXT(formatted(123456.0F), "1.2346E5");
    CHECK_TEXT(formatted(-FLT_MAX), "-3.4028E38");
    CHECK_TEXT(formatted(NAN), "9.91E37");
    CHECK_TEXT(formatted(-INFINITY), "-9.9E37");
}

static void reads(const char *text, float wanted)
{
    float value = -1.0F;
    CHECK(number_parse(text, &value));
    CHECK(fabsf(value - wanted) <= (fabsf(wanted) * 1e-6F));
}

static void numbers_are_read(void)
{
    static const char *const WRONG[] = {"", "-", ".", "1.2.3", "1e", "1E+", "0x10", "12 ", "nan", "1,5"};
    float value;
    reads("12", 12.0F);
    reads("-0.5", -0.5F);
    reads("+.25", 0.25F);
    reads("1.5E-3", 0.0015F);
    reads("2e3", 2000.0F);
    reads("12.3456789012", 12.3456789F);
    for (unsigned i = 0; i < (sizeof WRONG / sizeof WRONG[0]); i++) {
        CHECK(!number_parse(WRONG[i], &value));
    }
    CHECK(number_parse("1e999", &value) && isinf(value));
}

static void raw_is(uint8_t type, float scale, float value, const char *bytes)
{
    uint8_t raw[4];
    number_encode(type, scale, value, raw);
    CHECK(memcmp(raw, bytes, number_size(type)) == 0);
}

static void numbers_are_encoded_as_the_nearest_that_fits(void)
{
    raw_is(NUMBER_UINT16, 0.01F, 33.33F, "\x0D\x05");
    raw_is(NUMBER_INT16, 0.1F, -12.34F, "\xFF\x85");
    raw_is(NUMBER_UINT8, 1.0F, 300.0F, "\xFF");
    raw_is(NUMBER_UINT8, 1.0F, -3.0F, "\x00");
    raw_is(NUMBER_INT8, 1.0F, -300.0F, "\x80");
    raw_is(NUMBER_UINT16, 1.0F, NAN, "\x00\x00");
    raw_is(NUMBER_FLOAT32, 1.0F, 1.0F, "\x3F\x80\x00\x00");
    raw_is(NUMBER_INT32, 1.0F, -1.0F, "\xFF\xFF\xFF\xFF");
    raw_is(NUMBER_UINT32, 1.0F, INFINITY, "\xFF\xFF\xFF\x00");
}

static void numbers_survive_the_wire(void)
{
    for (uint8_t type = NUMBER_UINT8; type <= NUMBER_FLOAT32; type++) {
        for (float value = 0.0F; value < 127.0F; value += 1.0F) {
            uint8_t raw[4];
            number_encode(type, 1.0F, value, raw);
            CHECK(number_decode(type, 1.0F, raw) == value);
        }
    }
    CHECK(number_decode(NUMBER_INT16, 0.1F, (const uint8_t *)"\xFF\x85") == (-123.0F * 0.1F));
    CHECK(number_decode(NUMBER_INT32, 1.0F, (const uint8_t *)"\x80\x00\x00\x00") == -2147483648.0F);
}

static void checksums_are_those_of_their_catalogue(void)
{
    uint16_t ccitt = 0xFFFFU;
    uint16_t modbus = 0xFFFFU;
    for (const char *at = "123456789"; *at != '\0'; at++) {
        ccitt = crc16_msb(ccitt, (uint8_t)*at, 0x1021U);
        modbus = crc16_lsb(modbus, (uint8_t)*at, 0xA001U);
    }
    CHECK(ccitt == 0x29B1U);
    CHECK(modbus == 0x4B37U);
}

static void stuffing_is_undone(void)
{
    uint8_t raw[600];
    uint8_t stuffed[STUFFED(sizeof raw)];
    for (uint16_t size = 0U; size < sizeof raw; size++) {
        for (uint16_t i = 0U; i < size; i++) {
            raw[i] = (uint8_t)((i * 7U) % ((size % 5U) + 250U));
        }
        const uint16_t length = stuffing_stuff(raw, size, stuffed);
        CHECK(length <= STUFFED(size));
        CHECK(memchr(stuffed, 0, length) == NULL);
        CHECK(stuffing_unstuff(stuffed, length) == size);
        CHECK(memcmp(stuffed, raw, size) == 0);
    }
}

static void what_is_no_stuffing_is_refused(void)
{
    uint8_t early[] = {5U, 1U, 2U};
    uint8_t zero[] = {2U, 1U, 0U};
    CHECK(stuffing_unstuff(early, sizeof early) == 0U);
    CHECK(stuffing_unstuff(zero, sizeof zero) == 0U);
}

int main(void)
{
    numbers_are_written();
    numbers_are_read();
    numbers_are_encoded_as_the_nearest_that_fits();
    numbers_survive_the_wire();
    checksums_are_those_of_their_catalogue();
    stuffing_is_undone();
    what_is_no_stuffing_is_refused();
    return CHECK_DONE();
}
