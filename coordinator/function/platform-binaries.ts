// Packages whose code loads a binary of its own for each platform in ways that a bundler does not see (a name put together
// when the code runs). In: the files of a bundle. Out: the names of such packages among them, sorted.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

// By custom such binaries are optional packages named after what they run on: @img/sharp-linux-x64.
const PLATFORM = /(?:linux|darwin|win32).*(?:x64|arm64)/

/** `inputs` are relative to `base`, as the bundler gives them. */
export function platformBinaries(inputs: Iterable<string>, base: string): string[] {
  const folders = new Set<string>()
  for (const input of inputs) {
    const folder = /^.*(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
    if (folder !== undefined) folders.add(folder)
  }
  const names = new Set<string>()
  for (const folder of folders) {
    const { name, optionalDependencies } = readManifest(resolve(base, folder))
    if (name !== undefined && Object.keys(optionalDependencies ?? {}).some(each => PLATFORM.test(each))) names.add(name)
  }
  return [...names].sort()
}

function readManifest(folder: string): { name?: string; optionalDependencies?: Record<string, string> } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  } catch {
    // Files below node_modules that belong to no package have no binaries either.
    return {}
  }
}
