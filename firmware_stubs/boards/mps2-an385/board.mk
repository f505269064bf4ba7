# Bare metal on a Cortex-M3: the FPGA image AN385 of Arm's MPS2, which QEMU emulates.
ARM       ?= arm-none-eabi-
ARM_FLAGS := $(WARNINGS) -mcpu=cortex-m3 -mthumb -Os -g -ffreestanding -ffunction-sections -fdata-sections \
             --specs=nano.specs --specs=nosys.specs -nostartfiles -Wl,--gc-sections -Wl,--no-warn-rwx-segments
ARM_BOARD := boards/mps2-an385/startup.c boards/mps2-an385/hal_mps2.c boards/mps2-an385/scenario.c

mps2-an385: $(NODES:%=$(BUILD)/mps2-an385/%.bin)

$(BUILD)/mps2-an385/%.elf: $(BUILD)/nodes/%/profile.h $(ARM_BOARD) boards/mps2-an385/image.ld $(wildcard core/*.c) $(headers)
	@mkdir -p $(@D)
	@echo "$@"
	@$(ARM)gcc $(ARM_FLAGS) $(call includes,$*) -Iboards/mps2-an385 $(call sources,$*) $(ARM_BOARD) \
	    -T boards/mps2-an385/image.ld -lm -o $@
	@cp nodes/$*.yaml $(basename $@).yaml
	@$(ARM)size $@

$(BUILD)/mps2-an385/%.bin: $(BUILD)/mps2-an385/%.elf
	@$(ARM)objcopy -O binary $< $@
	@$(PYTHON) tools/seal.py $@
