"""The BLE driver's tests under a real bluetoothd, in a virtual machine: `make test-bluez-vm`."""
