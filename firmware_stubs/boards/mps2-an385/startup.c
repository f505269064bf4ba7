/* From reset to main: vectors, memory, and the image's own checksum. */
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "hal.h"

extern uint32_t _data_image, _data, _data_end, _bss, _bss_end, _stack_top;
extern int main(void);

void reset(void);
void hang(void);

/* Filled in when the image is sealed (firmware_stubs/tools/seal.py): where it ends, and its CRC-32. */
#define SEAL_SIZE   7
#define SEAL_CRC    8
#define SEALED_FROM 0x40U /* behind the system's vectors */

#define ADDRESS(symbol) ((uintptr_t)(symbol))

__attribute__((section(".vectors"), used)) const volatile uintptr_t vectors[16 + 32] = {
    [0] = ADDRESS(&_stack_top),
    [1] = ADDRESS(reset),
    [2] = ADDRESS(board_hung), /* NMI: the hardware watchdog */
    [3] = ADDRESS(hang),       /* hard fault */
    [4] = ADDRESS(hang),
    [5] = ADDRESS(hang),
    [6] = ADDRESS(hang),
    [11] = ADDRESS(hang),
    [14] = ADDRESS(hang),
    [15] = ADDRESS(board_timer),
    [16 + 0] = ADDRESS(board_received),
    [16 + 1] = ADDRESS(board_sent),
};

/* Wait for the hardware watchdog, or for ever: whatever happened, nothing more must be driven. */
void hang(void)
{
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* CRC-32 (ISO-HDLC) of the image behind the system's vectors. */
static uint32_t image_crc(uint32_t end)
{
    uint32_t crc = 0xFFFFFFFFU;
    /* volatile: the compiler must not think that memory at such low addresses is never read */
    for (volatile const uint8_t *at = (volatile const uint8_t *)SEALED_FROM; (uintptr_t)at < end; at++) {
        crc ^= *at;
        for (uint8_t bit = 0U; bit < 8U; bit++) {
            crc = (crc >> 1U) ^ (((crc & 1U) != 0U) ? 0xEDB88320U : 0U);
        }
    }
    return ~crc;
}

static void check_image(void)
{
    const uint32_t end = vectors[SEAL_SIZE];
    if (end == 0U) {
        hal_log("boot: the image is not sealed, its checksum is not checked");
    } else if ((end > 0x400000U) || (image_crc(end) != vectors[SEAL_CRC])) {
        hal_log("boot: the image is damaged (wrong checksum): nothing is driven; flash it again");
        hang();
    } else {
        /* as it was built */
    }
}

void reset(void)
{
    const uint32_t *from = &_data_image;
    /* The linker's symbols are addresses in one region, whatever a checker thinks of two objects. */
    // cppcheck-suppress comparePointers
    for (uint32_t *to = &_data; to < &_data_end; to++) {
        *to = *from;
        from++;
    }
    // cppcheck-suppress comparePointers
    for (uint32_t *to = &_bss; to < &_bss_end; to++) {
        *to = 0U;
    }
    board_console();
    check_image();
    (void)main();
    hang();
}
