/* An ATmega328P under libsimavr, with the same two options as a node built for this machine.
 *
 *   simulator IMAGE.elf [--serial-fd N] [--memory FILE] */
#include <fcntl.h>
#include <simavr/avr_adc.h>
#include <simavr/avr_timer.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "window.h"

#define CPU_HZ       16000000U
#define SUPPLY_MV    5000U
#define CONSOLE      0x3E  /* GPIOR0 in data space */
#define LOOK_CYCLES  8000U /* 0.5 ms: how often the wire and the ADC's inputs are looked at */
#define ADC_CHANNELS 8U

static int wire = -1;
static struct window own_window;
static struct window *window = &own_window;
static avr_t *avr;
static int uart_takes = 1;

static void to_wire(struct avr_irq_t *irq, uint32_t value, void *param)
{
    const uint8_t byte = (uint8_t)value;
    (void)irq;
    (void)param;
    if (write(wire, &byte, 1) != 1) {
        /* nobody reads: lost, as on any UART */
    }
}

// cppcheck-suppress constParameter ; libsimavr gives the signature
static void flow(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    uart_takes = (param != NULL);
}

static void pwm(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    *(uint32_t *)param = value * 257U; /* 255 of 255 is 65535 */
}

static void console(struct avr_t *cpu, avr_io_addr_t address, uint8_t value, void *param)
{
    (void)cpu;
    (void)address;
    (void)param;
    (void)putchar(value);
    if (value == '\n') {
        (void)fflush(stdout);
    }
}

static void connect_pins(void)
{
    static const char TIMERS[] = {'0', '2'};
    for (unsigned i = 0; i < 4; i++) {
        avr_irq_t *const output =
            avr_io_getirq(avr, AVR_IOCTL_TIMER_GETIRQ(TIMERS[i / 2]), TIMER_IRQ_OUT_PWM0 + (i % 2));
        avr_irq_register_notify(output, pwm, &window->pwm[i]);
    }
    avr_register_io_write(avr, CONSOLE, console, NULL);
}

static void connect_uart(void)
{
    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    const uint32_t uart = AVR_IOCTL_UART_GETIRQ('0');
    avr_irq_register_notify(avr_io_getirq(avr, uart, UART_IRQ_OUTPUT), to_wire, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, uart, UART_IRQ_OUT_XON), flow, avr);
    avr_irq_register_notify(avr_io_getirq(avr, uart, UART_IRQ_OUT_XOFF), flow, NULL);
}

/* Show the ADC its inputs and the UART what came. */
static avr_cycle_count_t look(struct avr_t *cpu, avr_cycle_count_t when, void *param)
{
    uint8_t byte;
    (void)param;
    for (unsigned channel = 0; channel < ADC_CHANNELS; channel++) {
        const uint32_t millivolts =
            (uint32_t)(((uint64_t)window->adc[channel] * SUPPLY_MV + 32767U) / 65535U);
        avr_raise_irq(avr_io_getirq(cpu, AVR_IOCTL_ADC_GETIRQ, (int)(ADC_IRQ_ADC0 + channel)), millivolts);
    }
    while (uart_takes && (read(wire, &byte, 1) == 1)) {
        avr_raise_irq(avr_io_getirq(cpu, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), byte);
    }
    return when + LOOK_CYCLES;
}

static void map_window(const char *path)
{
    const int file = open(path, O_RDWR);
    void *const memory =
        (file < 0) ? MAP_FAILED : mmap(NULL, sizeof *window, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    window = memory;
}

static void options(int count, char **arguments)
{
    int wrong = (count < 2) || (count % 2 != 0);
    for (int i = 2; !wrong && (i < count); i += 2) {
        if (strcmp(arguments[i], "--serial-fd") == 0) {
            wire = atoi(arguments[i + 1]);
        } else if (strcmp(arguments[i], "--memory") == 0) {
            map_window(arguments[i + 1]);
        } else {
            wrong = 1;
        }
    }
    if (wrong || (wire < 0)) {
        fprintf(stderr, "usage: %s IMAGE.elf --serial-fd N [--memory FILE]\n", arguments[0]);
        exit(2);
    }
}

int main(int count, char **arguments)
{
    static elf_firmware_t image;
    options(count, arguments);
    if (elf_read_firmware(arguments[1], &image) != 0) {
        fprintf(stderr, "%s is no AVR image\n", arguments[1]);
        return EXIT_FAILURE;
    }
    (void)fcntl(wire, F_SETFL, O_NONBLOCK);
    avr = avr_make_mcu_by_name("atmega328p");
    avr_init(avr);
    avr->log = LOG_ERROR;
    avr->frequency = CPU_HZ;
    avr->vcc = avr->avcc = avr->aref = SUPPLY_MV;
    avr_load_firmware(avr, &image);
    connect_uart();
    connect_pins();
    avr_cycle_timer_register(avr, LOOK_CYCLES, look, NULL);
    int state = cpu_Running;
    while ((state != cpu_Done) && (state != cpu_Crashed)) {
        state = avr_run(avr);
    }
    return (state == cpu_Crashed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
