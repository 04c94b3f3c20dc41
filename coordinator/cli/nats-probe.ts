// A NATS server as `doctor` sees it: what the first line of its protocol says, and how long a ping takes.
// In: an address. Out: version, JetStream, payload, round trip. Always true: the connection is closed when this resolves.
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type Clock, monotonicSeconds } from '../../proto/timing.js'
import type { NatsAddress } from '../../proto/transport/url.js'

export interface ServerInfo {
  readonly version: string
  readonly jetstream: boolean
  readonly limitBytes: number
  /** Median of a few pings. */
  readonly rttSeconds: number | undefined
  /** Why the server let us no further than its first line: authorization, most often. */
  readonly refusal: string | undefined
}

const PINGS = 5

interface Info {
  readonly version?: string
  readonly jetstream?: boolean
  readonly max_payload?: number
  readonly tls_required?: boolean
}

/** The lines that a socket receives, one for each call; rejects when the socket ends. */
const lineReader = (socket: Socket): (() => Promise<string>) => {
  const lines: string[] = []
  let rest = ''
  let ended: Error | undefined
  let wake: () => void = () => {}
  socket.on('data', chunk => {
    const parts = (rest + String(chunk)).split('\r\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    wake()
  })
  const end = (error?: Error): void => {
    ended ??= error ?? new Error('the server closed the connection')
    wake()
  }
  socket.on('error', end)
  socket.on('close', () => end())
  return async () => {
    for (;;) {
      const line = lines.shift()
      if (line !== undefined) return line
      if (ended) throw ended
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
}

const loginOf = ({ user, password, token }: NatsAddress): Record<string, string> => {
  if (token !== undefined) return { auth_token: token }
  return user !== undefined && password !== undefined ? { user, pass: password } : {}
}

/** Logs in and pings; resolves with each round trip's seconds. A refusal rejects with the server's own words. */
const pingTimes = async (
  socket: Socket,
  next: () => Promise<string>,
  address: NatsAddress,
  clock: Clock,
): Promise<number[]> => {
  const hello = { verbose: false, pedantic: false, lang: 'manyhands', version: '0', protocol: 1, ...loginOf(address) }
  socket.write(`CONNECT ${JSON.stringify(hello)}\r\n`)
  const times: number[] = []
  for (let ping = 0; ping < PINGS; ping++) {
    const sent = clock()
    socket.write('PING\r\n')
    for (let line = await next(); line !== 'PONG'; line = await next()) {
      if (line.startsWith('-ERR')) throw new Error(line.slice(4).trim().replaceAll("'", ''))
    }
    times.push(clock() - sent)
  }
  return times.sort((a, b) => a - b)
}

/** Talks to one server of the address for a moment. Rejects when there is none, or when it speaks another protocol. */
export const probeNats = async (
  address: NatsAddress,
  server: string,
  timeoutSeconds = 3,
  clock: Clock = monotonicSeconds,
): Promise<ServerInfo> => {
  const colon = server.lastIndexOf(':')
  const host = server.slice(0, colon).replace(/^\[|\]$/g, '')
  const plain = connect({ host, port: Number(server.slice(colon + 1)) }).setNoDelay(true)
  let socket: Socket = plain
  const late = setTimeout(() => plain.destroy(new Error(`no answer within ${timeoutSeconds} s`)), timeoutSeconds * 1000)
  try {
    let next = lineReader(plain)
    const first = await next()
    if (!first.startsWith('INFO ')) throw new Error('what answers there is no NATS server')
    const info = JSON.parse(first.slice(5)) as Info
    if (info.tls_required || address.tls) {
      plain.removeAllListeners('data')
      socket = connectTls({ socket: plain, servername: host })
      next = lineReader(socket)
    }
    const known = {
      version: info.version ?? '?',
      jetstream: info.jetstream === true,
      limitBytes: info.max_payload ?? 0,
    }
    try {
      const times = await pingTimes(socket, next, address, clock)
      return { ...known, rttSeconds: times[PINGS >> 1], refusal: undefined }
    } catch (error) {
      return { ...known, rttSeconds: undefined, refusal: error instanceof Error ? error.message : String(error) }
    }
  } finally {
    clearTimeout(late)
    socket.destroy()
    plain.destroy()
  }
}
