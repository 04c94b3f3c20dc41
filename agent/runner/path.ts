// Commands by name, as a shell finds them. In: a name and a PATH. Out: a file that may be executed, or nothing.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const isCommand = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** A name with a slash is a path of its own. */
export const lookUp = (name: string, path: string | undefined): string | undefined => {
  if (name.includes('/')) return isCommand(name) ? name : undefined
  return (path ?? '')
    .split(delimiter)
    .map(folder => join(folder || '.', name))
    .find(isCommand)
}
