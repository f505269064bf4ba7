/* ARM MPS2 with AN385: interrupt-driven UART 0 as the wire, UART 1 as console, FPGAIO's counter as clock.
 *
 * Sources: Arm DAI 0385 (AN385, memory map and interrupts), Arm DDI 0479 (CMSDK: UART, watchdog). */
#include <stddef.h>

#include "board.h"
#include "hal.h"
#include "window.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CPU_HZ            25000000U

#define WIRE              0x40004000U
#define CONSOLE           0x40005000U
#define UART_DATA(uart)   REGISTER((uart) + 0x00U)
#define UART_STATE(uart)  REGISTER((uart) + 0x04U)
#define UART_CTRL(uart)   REGISTER((uart) + 0x08U)
#define UART_CLEAR(uart)  REGISTER((uart) + 0x0CU)
#define UART_DIVIDE(uart) REGISTER((uart) + 0x10U)
#define TX_FULL           1U
#define RX_FULL           2U
#define TX_ON             1U
#define RX_ON             2U
#define TX_IRQ            4U
#define RX_IRQ            8U

#define WATCHDOG_LOAD  REGISTER(0x40008000U)
#define WATCHDOG_CTRL  REGISTER(0x40008008U)
#define WATCHDOG_CLEAR REGISTER(0x4000800CU)
#define WATCHDOG_LOCK  REGISTER(0x40008C00U)
#define WATCHDOG_S     4U

#define COUNTER  REGISTER(0x40028018U)
#define PRESCALE REGISTER(0x4002801CU)

#define SYSTICK_CTRL   REGISTER(0xE000E010U)
#define SYSTICK_RELOAD REGISTER(0xE000E014U)
#define SYSTICK_NOW    REGISTER(0xE000E018U)
#define SYSTICK_MOST   0xFFFFFFU
#define IRQ_ENABLE     REGISTER(0xE000E100U)
#define RESET_CONTROL  REGISTER(0xE000ED0CU)
#define RESET_REQUEST  0x05FA0004U

#define WINDOW ((volatile struct window *)0x21000000U) /* PSRAM; the emulator shares it */

#define RX_SIZE 1024U /* powers of two */
#define TX_SIZE 4096U

/* What memory says after a reset that left the power on. */
#define WARM 0x5741524DU
static struct {
    uint32_t warm;
    uint32_t reason;
} kept __attribute__((section(".noinit")));

static enum boot_reason reason;
static volatile bool awake; /* something happened since the last sleep */
static volatile uint8_t rx[RX_SIZE];
static volatile uint16_t rx_in;
static volatile uint16_t rx_out;
static uint8_t tx[TX_SIZE];
static volatile uint16_t tx_in;
static volatile uint16_t tx_out;

static void interrupts_off(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
}

static void interrupts_on(void)
{
    __asm__ volatile("cpsie i" ::: "memory");
}

/* Interrupts ----------------------------------------------------------------------------------- */

void board_inject(uint8_t byte)
{
    if ((uint16_t)(rx_in - rx_out) < RX_SIZE) {
        rx[rx_in % RX_SIZE] = byte;
        rx_in++;
    }
    awake = true;
}

void board_received(void)
{
    while ((UART_STATE(WIRE) & RX_FULL) != 0U) {
        const uint8_t byte = (uint8_t)UART_DATA(WIRE);
        UART_CLEAR(WIRE) = 2U;
        board_inject(byte);
    }
}

/* Hand bytes to the UART while it takes them; ask for an interrupt only when it does not. */
static void pump(void)
{
    while ((tx_in != tx_out) && ((UART_STATE(WIRE) & TX_FULL) == 0U)) {
        UART_DATA(WIRE) = tx[tx_out % TX_SIZE];
        tx_out++;
    }
    UART_CTRL(WIRE) = TX_ON | RX_ON | RX_IRQ | ((tx_in != tx_out) ? TX_IRQ : 0U);
}

void board_sent(void)
{
    UART_CLEAR(WIRE) = 1U;
    pump();
}

void board_timer(void)
{
    SYSTICK_CTRL = 0U;
    awake = true;
}

void board_hung(void)
{
    kept.reason = BOOT_WATCHDOG;
    RESET_CONTROL = RESET_REQUEST;
    for (;;) {
    }
}

void board_off(void)
{
    hal_log("scenario: over");
    RESET_CONTROL = RESET_REQUEST; /* QEMU is told to end at a reset */
    for (;;) {
    }
}

/* The HAL -------------------------------------------------------------------------------------- */

void board_console(void)
{
    UART_DIVIDE(CONSOLE) = CPU_HZ / 115200U;
    UART_CTRL(CONSOLE) = TX_ON;
}

void hal_init(void)
{
    const bool warm = (kept.warm == WARM);
    reason = warm ? (enum boot_reason)kept.reason : (enum boot_reason)WINDOW->supply;
    kept.warm = WARM;
    kept.reason = BOOT_RESET; /* what the next start was, unless the watchdog says otherwise */
    PRESCALE = (CPU_HZ / 1000000U) - 1U;
    COUNTER = 0U; /* it counted at full speed until now */
    UART_DIVIDE(WIRE) = CPU_HZ / 115200U;
    UART_CTRL(WIRE) = TX_ON | RX_ON | RX_IRQ;
    IRQ_ENABLE = 3U;
    WATCHDOG_LOCK = 0x1ACCE551U;
    WATCHDOG_LOAD = WATCHDOG_S * CPU_HZ;
    WATCHDOG_CTRL = 3U; /* NMI, and reset if even that hangs */
}

enum boot_reason hal_boot_reason(void)
{
    return reason;
}

uint32_t hal_us(void)
{
    return COUNTER;
}

int16_t hal_receive(void)
{
    int16_t byte = -1;
    if (rx_in != rx_out) {
        byte = rx[rx_out % RX_SIZE];
        rx_out++;
    }
    return byte;
}

bool hal_send(const uint8_t *data, uint16_t size)
{
    if ((uint16_t)(TX_SIZE - (uint16_t)(tx_in - tx_out)) < size) {
        return false;
    }
    interrupts_off();
    for (uint16_t i = 0U; i < size; i++) {
        tx[(uint16_t)(tx_in + i) % TX_SIZE] = data[i];
    }
    tx_in += size;
    pump();
    interrupts_on();
    return true;
}

uint16_t hal_adc(uint8_t channel)
{
    return (uint16_t)(WINDOW->adc[channel] & 0xFFF0U); /* a converter of 12 bits */
}

void hal_pwm(uint8_t channel, uint16_t duty)
{
    scenario_driven(COUNTER, channel, duty);
    WINDOW->pwm[channel] = duty;
}

static void console_byte(char byte)
{
    /* Bounded: a console that nobody reads must not hold up the watchdog. */
    for (uint16_t spin = 0U; (spin < 10000U) && ((UART_STATE(CONSOLE) & TX_FULL) != 0U); spin++) {
    }
    UART_DATA(CONSOLE) = (uint8_t)byte;
}

void hal_log(const char *text)
{
    for (; *text != '\0'; text++) {
        console_byte(*text);
    }
    console_byte('\n');
}

void hal_kick(void)
{
    WATCHDOG_CLEAR = 1U;
}

void hal_wait(uint32_t us)
{
    const uint32_t until_step = scenario_turn(COUNTER);
    us = (us < until_step) ? us : until_step;
    const uint32_t ticks =
        (us < (SYSTICK_MOST / (CPU_HZ / 1000000U))) ? (us * (CPU_HZ / 1000000U)) : SYSTICK_MOST;
    interrupts_off(); /* WFI still wakes, and nothing can happen between the look and the sleep */
    if (!awake) {
        SYSTICK_RELOAD = ticks;
        SYSTICK_NOW = 0U;
        SYSTICK_CTRL = 7U;
        __asm__ volatile("wfi");
    }
    awake = false;
    interrupts_on();
}
