// Where an agent keeps code and data between jobs. In: what was asked for, and the environment. Out: a folder that exists,
// that this process can write to, and that nobody else can: whoever writes there decides what the workers run.
import { lstat, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { homeFolder } from '../proto/home.js'

export interface CacheFolderOptions {
  /** Asked for by the operator: it is this one or an error. */
  readonly folder?: string
  readonly environment?: { readonly XDG_CACHE_HOME?: string | undefined }
  readonly home?: string
  readonly temporary?: string
}

/** The folder asked for; else the user's cache folder; else one below the folder for temporary files. */
export async function openCacheFolder(options: CacheFolderOptions = {}): Promise<string> {
  if (options.folder !== undefined) {
    const fault = await prepare(options.folder)
    if (fault === undefined) return options.folder
    throw new Error(
      `The cache folder ${options.folder} cannot be used: ${fault}. Name another one, or give this user the right to write there.`,
    )
  }
  const asked = (options.environment ?? process.env).XDG_CACHE_HOME
  const home = options.home ?? homeFolder()
  // The XDG rules: a relative path is to be ignored.
  const caches = asked !== undefined && isAbsolute(asked) ? asked : join(home, '.cache')
  const temporary = options.temporary ?? tmpdir()
  const candidates = [join(caches, 'manyhands'), join(temporary, `manyhands-${process.getuid?.() ?? 'user'}`)]
  for (const folder of candidates) if (isAbsolute(folder) && (await prepare(folder)) === undefined) return folder
  // Somebody else's folder has our name: one that nobody can guess is left.
  return await mkdtemp(join(temporary, 'manyhands-'))
}

/** Why the folder cannot be used; undefined once it is there and ours alone. */
async function prepare(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const found = await lstat(folder)
    if (!found.isDirectory()) return 'it is not a folder (a symbolic link is not followed)'
    if (process.getuid !== undefined && found.uid !== process.getuid()) return 'it belongs to another user'
    if ((found.mode & 0o022) !== 0) return 'others may write to it'
    // Permissions do not tell of read-only file systems or full quotas; a file does.
    const probe = join(folder, `.probe-${process.pid}-${Math.random().toString(36).slice(2)}`)
    await writeFile(probe, '', { flag: 'wx' })
    await rm(probe)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
