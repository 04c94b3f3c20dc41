// Which manyhands this is. In: its package. Out: the version, for people.
import { readFileSync } from 'node:fs'

let read: string | undefined

export const programVersion = (): string => {
  read ??= (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version
  return read
}
