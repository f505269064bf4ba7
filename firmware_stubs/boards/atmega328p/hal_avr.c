/* ATmega328P at 16 MHz (Arduino Uno, Nano): USART 0 as the wire, timer 1 as clock, four PWM channels.
 *
 * PWM 0 to 3 are OC0A (D6), OC0B (D5), OC2A (D11), OC2B (D3). Source: Atmel 7810D, ATmega328P datasheet. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "hal.h"

#define RX_SIZE 64U /* powers of two */
#define TX_SIZE 128U

static uint8_t reset_flags __attribute__((section(".noinit")));
static volatile uint8_t rx[RX_SIZE];
static volatile uint8_t rx_in;
static volatile uint8_t rx_out;
static volatile uint8_t tx[TX_SIZE];
static volatile uint16_t tx_in;
static volatile uint16_t tx_out;
static volatile uint16_t overflows; /* of timer 1, every 32.768 ms */
static volatile bool awake;

/* The watchdog stays on over a reset that it caused, at its shortest time: stop it before anything else. */
__attribute__((naked, used, section(".init3"))) void keep_reset_flags(void)
{
    reset_flags = MCUSR;
    MCUSR = 0U;
    wdt_disable();
}

ISR(USART_RX_vect)
{
    const uint8_t byte = UDR0;
    if ((uint8_t)(rx_in - rx_out) < RX_SIZE) {
        rx[rx_in % RX_SIZE] = byte;
        rx_in++;
    }
    awake = true;
}

ISR(USART_UDRE_vect)
{
    if (tx_in != tx_out) {
        UDR0 = tx[tx_out % TX_SIZE];
        tx_out++;
    } else {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
    }
}

ISR(TIMER1_OVF_vect)
{
    overflows++;
}

ISR(TIMER1_COMPA_vect)
{
    awake = true;
}

void hal_init(void)
{
    UCSR0A = _BV(U2X0);
    UBRR0 = 16U; /* 115200 baud, 2.1 % fast: the nearest there is */
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
    TCCR1B = _BV(CS11); /* 0.5 us */
    TIMSK1 = _BV(TOIE1) | _BV(OCIE1A);
    ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
    TCCR0A = _BV(WGM01) | _BV(WGM00);
    TCCR0B = _BV(CS01) | _BV(CS00); /* 976 Hz */
    TCCR2A = _BV(WGM21) | _BV(WGM20);
    TCCR2B = _BV(CS22);
    DDRD |= _BV(DDD6) | _BV(DDD5) | _BV(DDD3);
    DDRB |= _BV(DDB3);
    wdt_enable(WDTO_4S);
    sei();
}

enum boot_reason hal_boot_reason(void)
{
    enum boot_reason reason = BOOT_POWER_ON;
    if ((reset_flags & _BV(PORF)) != 0U) {
        reason = BOOT_POWER_ON;
    } else if ((reset_flags & _BV(BORF)) != 0U) {
        reason = BOOT_BROWN_OUT;
    } else if ((reset_flags & _BV(WDRF)) != 0U) {
        reason = BOOT_WATCHDOG;
    } else if ((reset_flags & _BV(EXTRF)) != 0U) {
        reason = BOOT_RESET;
    } else {
        /* a bootloader has cleared the flags */
    }
    return reason;
}

uint32_t hal_us(void)
{
    const uint8_t flags = SREG;
    cli();
    uint16_t ticks = TCNT1;
    uint32_t high = overflows;
    if (((TIFR1 & _BV(TOV1)) != 0U) && (ticks < 0x8000U)) {
        high++; /* it ran over and its interrupt has not come yet */
    }
    SREG = flags;
    return (high << 15U) + (ticks >> 1U);
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
    bool sent = false;
    cli();
    if ((uint16_t)(TX_SIZE - (uint16_t)(tx_in - tx_out)) >= size) {
        for (uint16_t i = 0U; i < size; i++) {
            tx[(uint16_t)(tx_in + i) % TX_SIZE] = data[i];
        }
        tx_in += size;
        UCSR0B |= _BV(UDRIE0);
        sent = true;
    }
    sei();
    return sent;
}

uint16_t hal_adc(uint8_t channel)
{
    ADMUX = (uint8_t)(_BV(REFS0) | (channel & 7U));
    ADCSRA |= _BV(ADSC);
    while ((ADCSRA & _BV(ADSC)) != 0U) {
    }
    return (uint16_t)(ADC << 6U); /* a converter of 10 bits */
}

/* A duty of 0 must be off, where fast PWM would still give a spike: then the timer lets go of the pin. */
static void compare(volatile uint8_t *level, volatile uint8_t *control, uint8_t connect, uint16_t duty)
{
    *level = (uint8_t)(duty >> 8U);
    if (duty == 0U) {
        *control &= (uint8_t)~connect;
    } else {
        *control |= connect;
    }
}

void hal_pwm(uint8_t channel, uint16_t duty)
{
    switch (channel) {
    case 0:
        compare(&OCR0A, &TCCR0A, _BV(COM0A1), duty);
        break;
    case 1:
        compare(&OCR0B, &TCCR0A, _BV(COM0B1), duty);
        break;
    case 2:
        compare(&OCR2A, &TCCR2A, _BV(COM2A1), duty);
        break;
    case 3:
        compare(&OCR2B, &TCCR2A, _BV(COM2B1), duty);
        break;
    default:
        break; /* the chip has no more */
    }
}

void hal_log(const char *text)
{
    /* The chip's one UART is the wire. A simulator or a debugger may watch this register; the chip does not
     * mind. */
    for (; *text != '\0'; text++) {
        GPIOR0 = (uint8_t)*text;
    }
    GPIOR0 = (uint8_t)'\n';
}

void hal_kick(void)
{
    wdt_reset();
}

void hal_wait(uint32_t us)
{
    const uint16_t ticks = (us < 30000U) ? (uint16_t)(us * 2U) : 60000U;
    cli();
    OCR1A = (uint16_t)(TCNT1 + ticks);
    TIFR1 = _BV(OCF1A);
    if (!awake) {
        sleep_enable();
        sei(); /* takes effect after the next instruction: nothing can happen between the look and the sleep
                */
        sleep_cpu();
        sleep_disable();
    }
    awake = false;
    sei();
}
