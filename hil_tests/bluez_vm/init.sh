#!/bin/busybox sh
# The first program of the guest: this machine's files under an overlay, so that nothing is written to them.
B=/bin/busybox
$B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t devtmpfs dev /dev
for m in $($B cat /modules/order); do $B insmod /modules/$m || echo "no module $m"; done
$B mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host || $B poweroff -f
$B mount -t tmpfs over /over; $B mkdir /over/up /over/work
$B mount -t overlay -o lowerdir=/host,upperdir=/over/up,workdir=/over/work root /mnt || $B poweroff -f
for d in proc sys dev; do $B mkdir -p /mnt/$d; $B mount --move /$d /mnt/$d; done
for d in run dev/shm var/lib/bluetooth; do $B mkdir -p /mnt/$d; $B mount -t tmpfs t /mnt/$d; done
exec $B switch_root /mnt /bin/sh @GUEST@
