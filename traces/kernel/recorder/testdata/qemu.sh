#!/bin/sh
# Stands in for QEMU in tests: it behaves as $FAKE says, and records a few events.
[ "$1" = --version ] && { echo "QEMU emulator version 7.2.22 (fake)"; exit 0; }
plugin=
while [ $# -gt 0 ]; do
	[ "$1" = -plugin ] && plugin=$2
	shift
done
echo $$ >>"$FAKE_PIDS"
case $FAKE in
hang) exec sleep 1000 ;;
unexported) echo "ptrec: this QEMU does not export cpu_memory_rw_debug" >&2; exit 1 ;;
noplugins) echo "qemu: -plugin: invalid option" >&2; exit 1 ;;
fails) echo "qemu: warning: something" >&2; echo "qemu: could not load kernel" >&2; exit 1 ;;
esac
case $plugin in *learn=learned*) echo "f 1 4" >learned; exit 0 ;; esac
case $plugin in *know=learned*) [ -s learned ] || exit 9 ;; esac
cat >console <<'END'
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x00000000000fffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000000fffffff] usable
[    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
ptcheck: the kernel has booted
bugs		: spectre_v1
address sizes	: 40 bits physical, 48 bits virtual
END
[ "$FAKE" = panics ] && echo "[    1.0] Kernel panic - not syncing: no reason" >>console
[ "$FAKE" = silent ] && echo "nothing" >console
echo "ptcheck: processes have come and gone" >>console
printf 'M 4\nC ffffffff81000123 3 1000 80050033 20 d01\nT 4 1 root 0\n' >&3
printf 'I ffffffff81000456 ffffffffff000\n' >&3
[ "$FAKE" = dies ] && exit 0
echo "# end stores 0 controls 1 flushes 1 hypercalls 0 tables 1 accessed 0 checks 1 differences 0" >&3
