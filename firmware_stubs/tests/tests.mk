# Unit tests: every node with a board by hand, on this machine, sanitizers on.
TEST_FLAGS := $(filter-out -Wconversion,$(WARNINGS)) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
# What a node is made of, without its endless main.
tested = $(filter-out core/main.c,$(call sources,$(1)))

test: $(BUILD)/tests/numbers.passed $(NODES:%=$(BUILD)/tests/%.passed)

$(BUILD)/tests/%.passed: $(BUILD)/tests/%
	@echo "$<"; $<
	@touch $@

$(BUILD)/tests/numbers: tests/test_numbers.c core/number.c core/crc16.c core/stuffing.c $(headers)
	@mkdir -p $(@D)
	@$(CC) $(TEST_FLAGS) -Icore -Itests $(filter %.c,$^) -lm -o $@

$(BUILD)/tests/%: tests/test_%.c tests/hand.c $(BUILD)/nodes/%/profile.h $(wildcard core/*.c tests/*.h) $(headers)
	@mkdir -p $(@D)
	@$(CC) $(TEST_FLAGS) $(call includes,$*) -Itests tests/test_$*.c tests/hand.c $(call tested,$*) \
	    $(if $(filter core/crc16.c,$(call tested,$*)),,core/crc16.c) -lm -o $@
