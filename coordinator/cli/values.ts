// Option values as people write them: 250ms, 64MiB, 5_000_000, 5%. Pure.
// In: a text from a flag, the environment or a config file. Out: a value with its unit settled; a text that is none throws
// a RangeError that says what was expected.

import { isLabel, LABEL, MOST_PRIORITY, MOST_WEIGHT } from '../../proto/labels.js'
import { parseNatsUrl } from '../../proto/transport/url.js'
import { isConcurrency, MOST_CONCURRENCY } from '../concurrency.js'
import { isJobName, JOB_NAME } from '../durable/job-name.js'

const expected = (what: string): never => {
  throw new RangeError(what)
}

/** `_` may stand between digits, as in 5_000_000. */
const digits = (text: string): number | undefined => {
  if (!/^\d+(_\d+)*$/.test(text)) return undefined
  const value = Number(text.replaceAll('_', ''))
  return Number.isSafeInteger(value) ? value : undefined
}

const decimal = (text: string): number | undefined => {
  if (!/^(\d+(_\d+)*)?(\.\d+)?$/.test(text) || text === '') return undefined
  const value = Number(text.replaceAll('_', ''))
  return Number.isFinite(value) ? value : undefined
}

export const parseNatural = (text: string): number => digits(text) ?? expected('a whole number of 0 or more')

export const parseCount = (text: string): number => {
  const value = digits(text)
  return value !== undefined && value > 0 ? value : expected('a whole number of 1 or more')
}

export const parseWeight = (text: string): number => {
  const value = digits(text)
  const isWeight = value !== undefined && value >= 1 && value <= MOST_WEIGHT
  return isWeight ? value : expected(`a whole number from 1 to ${MOST_WEIGHT}`)
}

export const parsePriority = (text: string): number => {
  const value = digits(text.replace(/^[+-]/, ''))
  if (value === undefined || value > MOST_PRIORITY)
    return expected(`a whole number from ${-MOST_PRIORITY} to ${MOST_PRIORITY}`)
  return text.startsWith('-') && value !== 0 ? -value : value
}

/** With commas between them; each once. */
export const parseLabels = (text: string): readonly string[] => {
  const labels = [...new Set(text.split(',').map(label => label.trim()))]
  return labels.every(isLabel) ? labels : expected(`${LABEL}; several with commas`)
}

/** Items in progress at once: a number, or what is measured to help. */
export const parseConcurrency = (text: string): number | 'auto' => {
  if (text.toLowerCase() === 'auto') return 'auto'
  const value = digits(text)
  return isConcurrency(value) ? value : expected(`auto, or a whole number from 1 to ${MOST_CONCURRENCY}`)
}

export const parsePort = (text: string): number => {
  const value = digits(text)
  return value !== undefined && value > 0 && value < 65_536 ? value : expected('a port from 1 to 65535')
}

const SECONDS_OF: Readonly<Record<string, number>> = { ms: 0.001, s: 1, '': 1, m: 60, min: 60, h: 3600, d: 86_400 }

/** A duration in seconds: `1.5`, `250ms`, `2s`, `5m`, `1h`. */
export const parseSeconds = (text: string): number => {
  const found = /^([\d_.]+)\s*([a-z]*)$/i.exec(text)
  const number = decimal(found?.[1] ?? '')
  const unit = SECONDS_OF[(found?.[2] ?? '').toLowerCase()]
  const seconds = number === undefined || unit === undefined ? 0 : number * unit
  return seconds > 0 ? seconds : expected('a duration of more than 0, such as 250ms, 2s, 5m, or a number of seconds')
}

const BYTES_OF: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
}

/** A size in bytes: `64MiB`, `1GB`, `1_048_576`. */
export const parseBytes = (text: string): number => {
  const found = /^([\d_.]+)\s*([a-z]*)$/i.exec(text)
  const number = decimal(found?.[1] ?? '')
  const unit = BYTES_OF[(found?.[2] ?? '').toLowerCase()]
  const bytes = number === undefined || unit === undefined ? 0 : Math.round(number * unit)
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : expected('a size of more than 0, such as 64MiB or 1GB')
}

export type Tolerance = { readonly count: number } | { readonly fraction: number }

/** How many failures are borne: `20`, or `5%` of the items. */
export const parseTolerance = (text: string): Tolerance => {
  if (text.endsWith('%')) {
    const percent = decimal(text.slice(0, -1))
    if (percent !== undefined && percent <= 100) return { fraction: percent / 100 }
  } else {
    const count = digits(text)
    if (count !== undefined) return { count }
  }
  return expected('a number of items such as 20, or a share of them such as 5%')
}

export const parseFlag = (text: string): boolean => {
  const word = text.toLowerCase()
  if (['1', 'true', 'yes', 'on'].includes(word)) return true
  if (['0', 'false', 'no', 'off', ''].includes(word)) return false
  return expected('true or false')
}

export const parseJobName = (text: string): string => (isJobName(text) ? text : expected(JOB_NAME))

export const parseText = (text: string): string => (text === '' ? expected('a text that is not empty') : text)

/** The URL as it stands; whether it may be used is decided where it is (place.ts). */
export const parseNats = (text: string): string => {
  try {
    parseNatsUrl(text, true)
    return text
  } catch {
    return expected('nats://HOST:PORT or tls://HOST:PORT, or several of one kind with commas')
  }
}

export interface Address {
  /** Of IPv6 without its brackets. */
  readonly host: string
  readonly port: number
}

const addressOf = (text: string, leastPort: number): Address | undefined => {
  const found = /^(?:\[([0-9a-f:.%\w]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text.trim())
  const host = found?.[1] ?? found?.[2]
  const port = Number(found?.[3])
  return host !== undefined && port >= leastPort && port < 65_536 ? { host, port } : undefined
}

/** Of daemons: one or more. */
export const parseAddresses = (text: string): readonly Address[] => {
  const found = text.split(',').map(part => addressOf(part, 1))
  const addresses = found.filter(address => address !== undefined)
  return addresses.length === found.length ? addresses : expected('HOST:PORT, or several with commas')
}

export const parseListen = (text: string): Address =>
  addressOf(text, 0) ?? expected('HOST:PORT, such as 127.0.0.1:4270; port 0 is a free one')

export const textOfAddress = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return expected('a JSON value, such as 0 or \'{"sum":0}\'')
  }
}
