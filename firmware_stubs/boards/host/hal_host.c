/* The node as a process on this machine: its wire is a pty, its pins are a shared page of memory.
 *
 *   fan [--serial-fd N] [--memory FILE]
 *
 * Without --serial-fd it makes a pty of its own and prints its name. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "hal.h"
#include "window.h"

static int wire = -1;
static struct window own_window;
static struct window *window = &own_window;
static uint8_t received[256];
static size_t received_size;
static size_t received_at;

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void make_pty(void)
{
    int slave; /* stays open: without it the pty would end whenever nobody has it open */
    struct termios settings;
    if (openpty(&wire, &slave, NULL, NULL, NULL) != 0) {
        die("cannot make a pty");
    }
    (void)tcgetattr(slave, &settings);
    cfmakeraw(&settings);
    (void)tcsetattr(slave, TCSANOW, &settings);
    printf("wire: %s\n", ttyname(slave));
}

static void map_window(const char *path)
{
    const int file = open(path, O_RDWR);
    if (file < 0) {
        die(path);
    }
    void *const memory = mmap(NULL, sizeof *window, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        die(path);
    }
    window = memory;
    (void)close(file);
}

/* Before main: the firmware's main takes no arguments, as on every board (glibc gives them to constructors).
 */
__attribute__((constructor)) static void options(int count, char **arguments)
{
    for (int i = 1; i < count; i += 2) {
        if ((i + 1 < count) && (strcmp(arguments[i], "--serial-fd") == 0)) {
            wire = atoi(arguments[i + 1]);
        } else if ((i + 1 < count) && (strcmp(arguments[i], "--memory") == 0)) {
            map_window(arguments[i + 1]);
        } else {
            fprintf(stderr, "usage: %s [--serial-fd N] [--memory FILE]\n", arguments[0]);
            exit(2);
        }
    }
}

void hal_init(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (wire < 0) {
        make_pty();
    }
    (void)fcntl(wire, F_SETFL, O_NONBLOCK);
}

enum boot_reason hal_boot_reason(void)
{
    return (enum boot_reason)window->supply;
}

uint32_t hal_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(((uint64_t)now.tv_sec * 1000000U) + ((uint64_t)now.tv_nsec / 1000U));
}

int16_t hal_receive(void)
{
    if (received_at == received_size) {
        const ssize_t size = read(wire, received, sizeof received);
        received_size = (size > 0) ? (size_t)size : 0U;
        received_at = 0U;
        if (received_size == 0U) {
            return -1;
        }
    }
    return received[received_at++];
}

bool hal_send(const uint8_t *data, uint16_t size)
{
    /* A pty takes all of so little or nothing; when nobody reads, it is lost as on any UART. */
    return write(wire, data, size) == (ssize_t)size;
}

uint16_t hal_adc(uint8_t channel)
{
    return (uint16_t)window->adc[channel];
}

void hal_pwm(uint8_t channel, uint16_t duty)
{
    window->pwm[channel] = duty;
}

void hal_log(const char *text)
{
    puts(text);
}

void hal_kick(void)
{
    /* a process has no hardware watchdog */
}

void hal_wait(uint32_t us)
{
    struct pollfd bytes = {.fd = wire, .events = POLLIN};
    const struct timespec limit = {.tv_sec = us / 1000000U, .tv_nsec = (long)(us % 1000000U) * 1000L};
    (void)ppoll(&bytes, 1, &limit, NULL);
}
