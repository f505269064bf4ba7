# An ATmega328P, and the program that simulates one.
AVR       ?= avr-
AVR_FLAGS := $(filter-out -Wconversion,$(WARNINGS)) -mmcu=atmega328p -DF_CPU=16000000UL -Os -g -mcall-prologues \
             -fshort-enums -ffunction-sections -fdata-sections -Wl,--gc-sections

atmega328p: $(NODES:%=$(BUILD)/atmega328p/%.elf) $(BUILD)/atmega328p/simulator

$(BUILD)/atmega328p/%.elf: $(BUILD)/nodes/%/profile.h boards/atmega328p/hal_avr.c $(wildcard core/*.c) $(headers)
	@mkdir -p $(@D)
	@echo "$@"
	@$(AVR)gcc $(AVR_FLAGS) $(call includes,$*) $(call sources,$*) boards/atmega328p/hal_avr.c -lm -o $@
	@cp nodes/$*.yaml $(basename $@).yaml
	@$(AVR)size $@

$(BUILD)/atmega328p/simulator: boards/atmega328p/simulator.c boards/window.h
	@mkdir -p $(@D)
	@echo "$@"
	@$(CC) -std=gnu11 -Wall -Wextra -Werror -O2 -Iboards $< -lsimavr -lelf -lm -o $@
