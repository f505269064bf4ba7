/* The shapes of the tables that are generated from profile and node file into profile.h. */
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stdint.h>

enum number_type {
    NUMBER_UINT8,
    NUMBER_INT8,
    NUMBER_UINT16,
    NUMBER_INT16,
    NUMBER_UINT32,
    NUMBER_INT32,
    NUMBER_FLOAT32
};

/* A signal; limits and safe value matter only for those that can be written. */
struct signal {
    float low;
    float high;
    float safe;
    bool writable;
};

enum input_kind {
    INPUT_LINEAR,     /* a: value at 0, b: value at full scale */
    INPUT_THERMISTOR, /* a: ohm at 25 degC, b: beta in K, c: ohm of the pull-up */
    INPUT_UPTIME,
    INPUT_BOOT_REASON,
    INPUT_WATCHDOG_TRIPS
};

/* Where a signal that is read comes from. */
struct input {
    uint8_t signal;
    uint8_t kind;
    uint8_t channel;
    float a;
    float b;
    float c;
};

/* A PWM channel that follows a written signal; low at duty 0, high at full duty. */
struct output {
    uint8_t signal;
    uint8_t channel;
    float low;
    float high;
};

/* COBS: one number in a telemetry frame; its value is the raw number times scale. */
struct field {
    uint8_t signal;
    uint8_t type;
    uint8_t offset;
    float scale;
};

/* COBS: one telemetry frame, made of `count` entries of FIELDS from `first` on. */
struct telemetry {
    uint8_t kind;
    uint8_t size;
    uint8_t first;
    uint8_t count;
    uint32_t period_us;
};

/* COBS: one command. */
struct command {
    uint8_t kind;
    uint8_t signal;
    uint8_t type;
    float scale;
};

/* SCPI: one header of the profile, capitals being its short form. */
struct header {
    const char *text;
    uint8_t signal;
    bool is_query;
};

/* Modbus: one number in the registers. */
struct place {
    bool holding;
    uint16_t number;
    uint8_t signal;
    uint8_t type;
    float scale;
};

#endif
