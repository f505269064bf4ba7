# A process on this machine.
HOST_FLAGS := $(WARNINGS) -O2 -g

host: $(NODES:%=$(BUILD)/host/%)

$(BUILD)/host/%: $(BUILD)/nodes/%/profile.h boards/host/hal_host.c $(wildcard core/*.c) $(headers)
	@mkdir -p $(@D)
	@echo "$@"
	@$(CC) $(HOST_FLAGS) $(call includes,$*) $(call sources,$*) boards/host/hal_host.c -lm -lutil -o $@
	@cp nodes/$*.yaml $@.yaml
	@size $@
