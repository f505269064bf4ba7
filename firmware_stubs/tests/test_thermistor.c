/* The thermistor node by hand: SCPI, the sensor, and the command watchdog. */
#include <stdlib.h>

#include "check.h"
#include "hand.h"

static const char *ask(const char *message)
{
    static char text[sizeof hand_sent + 1];
    hand_give(message, (uint16_t)strlen(message));
    (void)memcpy(text, hand_sent, hand_sent_size);
    text[hand_sent_size] = '\0';
    return text;
}

static void headers_are_heard_in_both_forms(void)
{
    CHECK_TEXT(ask("*IDN?\n"), "HIL-TESTBED,THERMISTOR-NODE,0001,1.0\n");
    CHECK_TEXT(ask("*idn?\r\n"), "HIL-TESTBED,THERMISTOR-NODE,0001,1.0\n");
    CHECK_TEXT(ask("SYST:WATC:TRIP?\n"), "0.0000\n");
    CHECK_TEXT(ask(":system:watchdog:trips?\n"), "0.0000\n");
    CHECK_TEXT(ask("SYST1:WATC1:TRIP1?\n"), "0.0000\n");
    CHECK_TEXT(ask("SYST:WATC?\n"), "");
    CHECK_TEXT(ask("SYST2:WATC:TRIP?\n"), "");
    CHECK_TEXT(ask("SYSTE:WATC:TRIP?\n"), "");
    CHECK_TEXT(ask("*CLS\n"), "");
}

static void units_are_chained_with_their_path(void)
{
    CHECK_TEXT(ask("SYST:WATC:TRIP?;TRIP?;:SYST:BOOT?\n"), "0.0000;0.0000;0.0000\n");
    CHECK_TEXT(ask("SYST:BOOT?;*OPC?;BOOT?\n"), "0.0000;1;0.0000\n");
    CHECK_TEXT(ask(" ; ;*OPC? ;\n"), "1\n");
}

static void errors_wait_in_their_queue(void)
{
    CHECK_TEXT(ask("*CLS;SYST:ERR?\n"), "0,\"No error\"\n");
    CHECK_TEXT(ask("FOO:BAR\n"), "");
    CHECK_TEXT(ask("SOUR:HEAT\n"), "");
    CHECK_TEXT(ask("SOUR:HEAT high\n"), "");
    CHECK_TEXT(ask("SOUR:HEAT 1,2\n"), "");
    CHECK_TEXT(ask("SOUR:HEAT 101\n"), "");
    CHECK_TEXT(ask("SOUR::HEAT 1\n"), "");
    CHECK_TEXT(ask("*IDN? 3\n"), "");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-113,\"Undefined header\"\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-109,\"Missing parameter\"\n");
    CHECK_TEXT(ask("SYST:ERR:NEXT?\n"), "-104,\"Data type error\"\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-108,\"Parameter not allowed\"\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-222,\"Data out of range\"\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-102,\"Syntax error\"\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-108,\"Parameter not allowed\"\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "0,\"No error\"\n");
    for (int i = 0; i < 20; i++) {
        (void)ask("FOO\n");
    }
    for (int i = 0; i < 15; i++) {
        CHECK_TEXT(ask("SYST:ERR?\n"), "-113,\"Undefined header\"\n");
    }
    CHECK_TEXT(ask("SYST:ERR?\n"), "-350,\"Queue overflow\"\n");
}

static void an_error_ends_the_message(void)
{
    CHECK_TEXT(ask("*OPC?;FOO;*OPC?\n"), "1\n");
    CHECK_TEXT(ask("*CLS\n"), "");
}

static void the_status_byte_sums_up(void)
{
    CHECK_TEXT(ask("*CLS;*ESE 32;*SRE 32;*ESE?;*SRE?\n"), "32;32\n");
    (void)ask("FOO\n");
    CHECK_TEXT(ask("*STB?\n"), "100\n");
    CHECK_TEXT(ask("*ESR?;*ESR?;*STB?\n"), "32;0;4\n");
    CHECK_TEXT(ask("*ESE 256\n*CLS;*ESE 0;*SRE 0\n"), "");
}

static void lines_that_cannot_be_are_survived(void)
{
    char line[1000];
    (void)memset(line, 'A', sizeof line);
    line[sizeof line - 1U] = '\n';
    hand_give(line, sizeof line);
    CHECK_TEXT(ask("SYST:ERR?\n"), "-363,\"Input buffer overrun\"\n");
    CHECK_TEXT(ask("*IDN?;*IDN?;*IDN?;*IDN?;*OPC?\n"), "HIL-TESTBED,THERMISTOR-NODE,0001,1.0;"
                                                       "HIL-TESTBED,THERMISTOR-NODE,0001,1.0;"
                                                       "HIL-TESTBED,THERMISTOR-NODE,0001,1.0;;1\n");
    CHECK_TEXT(ask("SYST:ERR?\n"), "-430,\"Query DEADLOCKED\"\n");
    for (int i = 0; i < 256; i++) {
        const char noise[] = {(char)i, (char)(i * 7), '?', (char)i, ' ', '\n'};
        hand_give(noise, sizeof noise);
    }
    CHECK_TEXT(ask("\n*CLS\n*OPC?\n"), "1\n");
}

static void the_sensor_follows_the_beta_equation(void)
{
    hand_adc[0] = 32768U; /* as much as the pull-up: 10 kohm, 25 degC */
    hand_wait_us(20000U);
    CHECK(strncmp(ask("MEAS:TEMP?\n"), "24.999", 6U) == 0);
    hand_adc[0] = 13029U; /* 2.4812 kohm: 60.0 degC by the equation */
    hand_wait_us(20000U);
    CHECK(strncmp(ask("MEAS:TEMP?\n"), "60.0", 4U) == 0);
    hand_adc[0] = 65535U; /* the sensor is off */
    hand_wait_us(20000U);
    CHECK_TEXT(ask("MEAS:TEMP?\n"), "9.91E37\n");
}

static void the_watchdog_brings_the_output_to_safety(void)
{
    CHECK_TEXT(ask("SOUR:HEAT 50;:SYST:ERR?\n"), "0,\"No error\"\n");
    CHECK(hand_duty[0] == 32768U);
    hand_wait_us(900000U);
    CHECK(hand_duty[0] == 32768U);
    (void)ask("SYST:HEAR 1\n"); /* a heartbeat is as good as a command */
    hand_wait_us(900000U);
    CHECK(hand_duty[0] == 32768U);
    (void)ask("MEAS:TEMP?\n"); /* a poll is not */
    hand_wait_us(110000U);
    CHECK(hand_duty[0] == 0U);
    CHECK_TEXT(ask("SYST:WATC:TRIP?\n"), "1.0000\n");
    CHECK(strstr(hand_log, "watchdog: no command within 1 s") != NULL);
    (void)ask("SOUR:HEAT 20\n");
    CHECK(hand_duty[0] == 13107U);
    (void)ask("*RST\n");
    CHECK(hand_duty[0] == 0U);
    hand_wait_us(1500000U); /* nothing was driven, so nothing tripped */
    CHECK_TEXT(ask("SYST:WATC:TRIP?\n"), "1.0000\n");
}

static void a_refused_command_is_none(void)
{
    (void)ask("SOUR:HEAT 50\n");
    for (int i = 0; i < 12; i++) {
        (void)ask("SOUR:HEAT 500\n");
        hand_wait_us(100000U);
    }
    CHECK(hand_duty[0] == 0U);
}

static void time_goes_on_when_the_counter_wraps(void)
{
    hand_us = 0xFFFFFF00U;
    hand_start();
    hand_wait_us(2500000U);
    const float uptime = strtof(ask("SYST:UPT?\n"), NULL);
    CHECK((uptime > 2.48F) && (uptime < 2.52F)); /* it is sampled 100 times a second */
}

int main(void)
{
    hand_start();
    CHECK(strcmp(hand_log, "boot: scpi/thermistor-node, power on\n") == 0);
    headers_are_heard_in_both_forms();
    units_are_chained_with_their_path();
    errors_wait_in_their_queue();
    an_error_ends_the_message();
    the_status_byte_sums_up();
    lines_that_cannot_be_are_survived();
    the_sensor_follows_the_beta_equation();
    the_watchdog_brings_the_output_to_safety();
    a_refused_command_is_none();
    time_goes_on_when_the_counter_wraps();
    return CHECK_DONE();
}
