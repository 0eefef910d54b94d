# SPDX-License-Identifier: MIT; Copyright (c) the sio authors.
# Completion of sio for bash.

_sio() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  # "--option=value" comes as three words.
  if [ "$prev" = = ]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  else
    cur=${cur#=}
  fi
  # "@FILE" comes as two, and "--auth=@FILE" as three, but what is answered replaces "@FILE".
  case $prev in
  @ | =@) cur=@$cur prev=${COMP_WORDS[COMP_CWORD - 2]} ;;
  esac

  local commands='serve connect emit listen decode bench help version'
  local client='--namespace --auth --header --path --transport --proxy --timeout --cacert --cert
    --key --insecure --log-level --debug --help'
  local serve='--port --host --path --static --no-demo --cors --transports --log-level --debug --quiet
    --help --ping-interval --ping-timeout --upgrade-timeout --connect-timeout --close-timeout
    --max-connections --max-head-bytes --max-headers --head-timeout --body-timeout
    --keep-alive-timeout --max-payload --max-fragments --max-attachments --max-attachment-bytes
    --attachment-timeout --max-namespaces --max-dynamic-namespaces --max-rooms
    --max-pending-connects --send-high-water --send-soft --send-soft-time --send-hard'

  local options
  case ${COMP_WORDS[1]} in
  serve) options=$serve ;;
  connect) options="--trace --no-reconnect $client" ;;
  emit) options="--ack --text $client" ;;
  listen) options="--no-reconnect $client" ;;
  bench)
    options="--mode --event --connections --ramp --threads --window --rate --duration --warmup
      --payload --server-pid --json $client"
    ;;
  decode) options='--hex --ws --text --help' ;;
  help)
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
    return
    ;;
  *)
    [ "$COMP_CWORD" -eq 1 ] || return
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
    return
    ;;
  esac

  case $prev in
  --transport | --transports)
    mapfile -t COMPREPLY < <(compgen -W 'polling websocket polling,websocket' -- "$cur")
    return
    ;;
  --mode)
    mapfile -t COMPREPLY < <(compgen -W 'echo ack cast idle' -- "$cur")
    return
    ;;
  --log-level)
    mapfile -t COMPREPLY < <(compgen -W 'none error warn info debug' -- "$cur")
    return
    ;;
  --proxy)
    mapfile -t COMPREPLY < <(compgen -W 'none http:// socks5:// socks5h://' -- "$cur")
    compopt -o nospace
    return
    ;;
  --cacert | --cert | --key)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
    ;;
  --static)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    return
    ;;
  --host)
    mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
    return
    ;;
  # These take no argument, so what comes next is something else.
  --no-demo | --quiet | --help | --insecure | --ack | --trace | --no-reconnect | --hex | --ws | --text | --json) ;;
  --auth) [ "${cur:0:1}" = @ ] || return ;;
  --*) return ;;
  esac

  case $cur in
  -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
  @*)
    # Not "compopt -o filenames", which would look for files with '@' in their names, and quote it.
    local file
    while read -r file; do
      [ ! -d "$file" ] || file+=/
      COMPREPLY+=("@$(printf %q "$file")")
    done < <(compgen -f -- "${cur#@}")
    [[ ${COMPREPLY[0]-} != */ ]] || compopt -o nospace
    ;;
  *)
    if [ "${COMP_WORDS[1]}" = decode ]; then
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
    ;;
  esac
}
complete -F _sio sio
