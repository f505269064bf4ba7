# Two commands to start: `make demo` and `make test`. Each makes its own environment first.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-bluez-vm check bench grafana clean firmware firmware-check

demo: $(VENV)/installed
	$(BIN)/testbed run benches/thermal-rig.yaml --emulate all --for 30s --serve

test: $(VENV)/installed $(VENV)/firmware-tools
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

# The BLE driver's tests under a real bluetoothd, on Debian's kernel in a virtual machine; see docs/drivers.md.
test-bluez-vm: $(VENV)/installed
	$(BIN)/python -m hil_tests.bluez_vm

# Every node for every board; see docs/firmware.md.
firmware: $(VENV)/installed $(VENV)/firmware-tools
	$(MAKE) -C firmware_stubs TESTBED=$(abspath $(BIN))/testbed

firmware-check: $(VENV)/installed $(VENV)/firmware-tools
	$(MAKE) -C firmware_stubs TESTBED=$(abspath $(BIN))/testbed check test

check: $(VENV)/installed firmware-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# looptime, the peer of our virtual time, stands apart: its pytest plugin would bother every test.
bench: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target build/peers --constraint constraints.txt looptime
	$(BIN)/python -m benchmarks

# The model of benches/fmu.yaml, compiled from C.
benches/%.fmu: benches/%-fmu/*.c benches/%-fmu/modelDescription.xml $(VENV)/installed
	$(BIN)/python tools/build-fmu benches/$*-fmu -o $@

# Dashboards and alert rules of a bench: make grafana BENCH=my-bench.yaml
BENCH ?= benches/thermal-rig.yaml
grafana: $(VENV)/installed
	$(BIN)/testbed grafana $(BENCH) -o grafana

# The environment is made anew only when what it should hold has changed.
$(VENV)/installed: pyproject.toml constraints.txt tools/install-system-packages
	PYTHON=$(PYTHON) tools/install-system-packages
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# Cross compilers and QEMU are large, and the demo needs none of them.
$(VENV)/firmware-tools: tools/install-system-packages $(VENV)/installed
	tools/install-system-packages firmware
	touch $@

clean:
	$(MAKE) -C firmware_stubs clean
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
