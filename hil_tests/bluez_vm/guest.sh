#!/bin/sh
# What runs in the guest: D-Bus, bluetoothd, and the tests, whose result is the last line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PATIENCE=15
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus.sock
cd "@ROOT@"
@BUSYBOX@ ip link set lo up
cat > /run/bus.conf <<END
<busconfig><type>system</type><listen>$DBUS_SYSTEM_BUS_ADDRESS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="signal"/>
<allow receive_sender="*"/></policy></busconfig>
END
# What a device offers changes from test to test, though its address does not: nothing may be kept of it.
printf '[General]\nControllerMode=le\n[GATT]\nCache=no\n[Policy]\nAutoEnable=true\n' > /run/main.conf
dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile --nosyslog &
while [ ! -S /run/bus.sock ]; do sleep 0.1; done
"@BLUETOOTHD@" -n -f /run/main.conf > /run/bluetoothd.log 2>&1 &
echo "guest up after $(cut -d' ' -f1 /proc/uptime) s"
"@PYTHON@" -m pytest -p hil_tests.bluez_vm.plugin -p no:cacheprovider --color=no -o timeout=400 @TESTS@
echo "guest result $?"
tail -n 15 /run/bluetoothd.log
@BUSYBOX@ poweroff -f
