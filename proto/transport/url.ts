// Where a NATS server is, and how to speak to it.
// In: a URL, or several with commas: nats://HOST[:PORT], tls://HOST[:PORT], with user:password@ or token@ before the host.
// Out: the client's settings, and a form without secrets for messages.
// Always true: plain nats:// goes to this machine only, unless it was allowed: tasks carry code.

export interface NatsOptions {
  readonly url: string
  /** Allows plain nats:// beyond this machine. */
  readonly insecure?: boolean
  /** Of a coordinator: how many servers of a cluster keep each stream of a job; by default 1. */
  readonly replicas?: number
  /** The seed of an nkey ("SU..."), when the server knows users by their keys. */
  readonly nkeySeed?: string
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }
}

export interface NatsAddress {
  readonly servers: readonly string[]
  readonly tls: boolean
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** For people: no secrets in it. */
  readonly display: string
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

/** Reads the URL; throws an Error that says what was expected, or how to be allowed. */
export const parseNatsUrl = (text: string, insecure = false): NatsAddress => {
  const urls = text.split(',').map(part => parseOne(part.trim()))
  const first = urls[0]
  if (!first) throw new Error('a NATS URL is empty: expected nats://HOST:PORT or tls://HOST:PORT')
  const display = urls.map(url => `${url.protocol}//${url.host}`).join(',')
  if (urls.some(url => url.protocol !== first.protocol))
    throw new Error(`${display} mixes nats:// and tls://: expected one of them for all servers`)
  const tls = first.protocol === 'tls:'
  const exposed = urls.find(url => !isLoopback(url.hostname))
  if (!tls && !insecure && exposed)
    throw new Error(
      `plain nats:// to ${exposed.hostname} would send code and data unprotected: use tls://${exposed.host}, or allow it with --insecure (MANYHANDS_INSECURE=1)`,
    )
  const user = decodeURIComponent(first.username)
  const password = decodeURIComponent(first.password)
  return {
    servers: urls.map(url => `${url.hostname}:${url.port || '4222'}`),
    tls,
    ...(user && password ? { user, password } : {}),
    ...(user && !password ? { token: user } : {}),
    display,
  }
}

const parseOne = (part: string): URL => {
  const text = /^[a-z]+:\/\//i.test(part) ? part : `nats://${part}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['nats:', 'tls:'].includes(url.protocol) || !url.hostname)
    throw new Error(
      `"${part.replace(/\/\/[^@/]*@/, '//')}" is no NATS URL: expected nats://HOST:PORT or tls://HOST:PORT`,
    )
  return url
}
