// A program by its name, as the shell finds it. In: a name, PATH. Out: its file, if there is one that may be run.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export const onPath = (name: string, path: string = process.env.PATH ?? ''): string | undefined => {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
