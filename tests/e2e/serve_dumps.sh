# A server that crashes leaves nothing of its memory behind, unless it is told to.
. tests/shell.sh
. tests/traffic/server.sh

ulimit -c unlimited 2> /dev/null || { skip 'core files' 'they are not allowed here'; finish; exit; }
case $(cat /proc/sys/kernel/core_pattern) in
  core) ;;
  *) skip 'core files' 'the system puts them elsewhere'; finish; exit ;;
esac
moonherd_here=$moonherd
moonherd() { cd "$scratch" && exec "$moonherd_here" "$@"; }
moonherd=moonherd
crashes() {
  start_server && kill -ABRT $server
  wait $server 2> /dev/null
  [ $? = 134 ]
}
has_core() { ls "$scratch" | grep -q '^core'; }

check 'it crashes' crashes
check 'and there is no core file' eval '! has_core'
case $B in
  *asan*) skip 'a core file that is wanted' 'AddressSanitizer leaves none'; finish; exit ;;
esac
MOONHERD_CORE=1
export MOONHERD_CORE
check 'it crashes, and may leave one' crashes
check 'which is there' has_core
finish
