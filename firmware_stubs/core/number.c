#include "number.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct shape {
    uint8_t size;
    bool is_signed;
    float low;
    float high; /* the highest float that fits: 2^32 - 1 itself is none */
};

static const struct shape SHAPES[] = {
    [NUMBER_UINT8] = {1, false, 0.0F, 255.0F},
    [NUMBER_INT8] = {1, true, -128.0F, 127.0F},
    [NUMBER_UINT16] = {2, false, 0.0F, 65535.0F},
    [NUMBER_INT16] = {2, true, -32768.0F, 32767.0F},
    [NUMBER_UINT32] = {4, false, 0.0F, 4294967040.0F},
    [NUMBER_INT32] = {4, true, -2147483648.0F, 2147483520.0F},
    [NUMBER_FLOAT32] = {4, true, -FLT_MAX, FLT_MAX},
};

uint8_t number_size(uint8_t type)
{
    return SHAPES[type].size;
}

static uint32_t whole(uint8_t type, float raw)
{
    const struct shape *shape = &SHAPES[type];
    if (isnan(raw)) {
        return 0U; /* whole types have no word for "no value" */
    }
    if (raw < shape->low) {
        raw = shape->low;
    }
    if (raw > shape->high) {
        raw = shape->high;
    }
    raw = floorf(raw + 0.5F);
    return (raw < 0.0F) ? (uint32_t)(int32_t)raw : (uint32_t)raw;
}

void number_encode(uint8_t type, float scale, float value, uint8_t *out)
{
    const float raw = value / scale;
    const uint8_t size = SHAPES[type].size;
    uint32_t bits;
    if (type == (uint8_t)NUMBER_FLOAT32) {
        (void)memcpy(&bits, &raw, sizeof bits);
    } else {
        bits = whole(type, raw);
    }
    for (uint8_t i = 0U; i < size; i++) {
        out[i] = (uint8_t)(bits >> (8U * (uint32_t)(size - 1U - i)));
    }
}

float number_decode(uint8_t type, float scale, const uint8_t *in)
{
    const struct shape *shape = &SHAPES[type];
    uint32_t bits = 0U;
    float raw;
    for (uint8_t i = 0U; i < shape->size; i++) {
        bits = (bits << 8U) | in[i];
    }
    if (type == (uint8_t)NUMBER_FLOAT32) {
        (void)memcpy(&raw, &bits, sizeof raw);
    } else if (shape->is_signed && ((in[0] & 0x80U) != 0U)) {
        const uint32_t unused = 32U - (8U * (uint32_t)shape->size);
        raw = -(float)((~bits & (0xFFFFFFFFU >> unused)) + 1U);
    } else {
        raw = (float)bits;
    }
    return raw * scale;
}

void number_reverse(uint8_t *bytes, uint8_t size)
{
    for (uint8_t i = 0U; i < (uint8_t)(size / 2U); i++) {
        const uint8_t last = (uint8_t)(size - 1U - i);
        const uint8_t kept = bytes[i];
        bytes[i] = bytes[last];
        bytes[last] = kept;
    }
}

/* Write `value` in decimal with at least `digits` digits; returns how many. */
static uint8_t decimal(uint32_t value, uint8_t digits, char *out)
{
    char reversed[10];
    uint8_t count = 0U;
    do {
        reversed[count] = (char)('0' + (char)(value % 10U));
        value /= 10U;
        count++;
    } while ((value > 0U) || (count < digits));
    for (uint8_t i = 0U; i < count; i++) {
        out[i] = reversed[count - 1U - i];
    }
    return count;
}

/* Write a number below 100000 with four decimals; returns its length. */
static uint8_t fixed(float value, char *out)
{
    /* Split first: value x 10000 has more digits than a float. */
    uint32_t before = (uint32_t)value;
    uint32_t after = (uint32_t)(((value - (float)before) * 10000.0F) + 0.5F);
    if (after >= 10000U) {
        after -= 10000U;
        before++;
    }
    uint8_t length = decimal(before, 1U, out);
    out[length] = '.';
    length++;
    return (uint8_t)(length + decimal(after, 4U, &out[length]));
}

uint8_t number_format(float value, char *out)
{
    uint8_t length = 0U;
    uint8_t exponent = 0U;
    if (isnan(value)) {
        (void)strcpy(out, "9.91E37"); /* SCPI-99 volume 1, 7.2.1.5: not a number */
        return (uint8_t)strlen(out);
    }
    if (value < 0.0F) {
        out[length] = '-';
        length++;
        value = -value;
    }
    if (isinf(value)) {
        (void)strcpy(&out[length], "9.9E37"); /* the same, 7.2.1.4: infinity */
        return (uint8_t)strlen(out);
    }
    if (value >= 100000.0F) {
        while (value >= 10.0F) {
            value /= 10.0F;
            exponent++;
        }
    }
    length += fixed(value, &out[length]);
    if (exponent > 0U) {
        out[length] = 'E';
        length++;
        length += decimal(exponent, 1U, &out[length]);
    }
    out[length] = '\0';
    return length;
}

static bool is_digit(char c)
{
    return (c >= '0') && (c <= '9');
}

/* Read an optional sign; returns whether it is a minus. */
static bool negative(const char **text)
{
    const bool minus = (**text == '-');
    if (minus || (**text == '+')) {
        (*text)++;
    }
    return minus;
}

bool number_parse(const char *text, float *value)
{
    const bool minus = negative(&text);
    float found = 0.0F;
    int16_t exponent = 0;
    bool digits = false;
    bool point = false;
    for (; is_digit(*text) || ((*text == '.') && !point); text++) {
        if (*text == '.') {
            point = true;
        } else {
            digits = true;
            found = (found * 10.0F) + (float)(*text - '0');
            exponent = point ? (int16_t)(exponent - 1) : exponent;
        }
    }
    if (digits && ((*text == 'E') || (*text == 'e'))) {
        text++;
        const bool down = negative(&text);
        int16_t given = 0;
        digits = is_digit(*text);
        for (; is_digit(*text); text++) {
            given = (given < 100) ? (int16_t)((given * 10) + (*text - '0')) : given;
        }
        exponent = (int16_t)(exponent + (down ? -given : given));
    }
    for (; exponent > 0; exponent--) {
        found *= 10.0F;
    }
    for (; exponent < 0; exponent++) {
        found /= 10.0F;
    }
    *value = minus ? -found : found;
    return digits && (*text == '\0');
}
