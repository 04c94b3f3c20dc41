// Events for people and machines: one line each, on standard error unless told otherwise. Results never go here.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** `message` is a whole sentence; `fields` hold what a program would filter by. */
export type Log = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Writes `level message key=value…` lines at or above the level. */
export const lineLog =
  (write: (line: string) => void, lowest: LogLevel = 'info'): Log =>
  (level, message, fields = {}) => {
    if (ORDER.indexOf(level) < ORDER.indexOf(lowest)) return
    const details = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
    write(`${level} ${message}${details.join('')}\n`)
  }

export const silentLog: Log = () => {}
