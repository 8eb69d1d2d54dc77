import { existsSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ReportedError } from './protocol.ts';
import { reportedError } from './reported-error.ts';

export type Handler = (event: unknown, context: unknown) => unknown;

/** The code cannot be loaded; carries what Lambda's runtime would report. */
export class LoadError extends Error {
  readonly reported: ReportedError;

  constructor(reported: ReportedError) {
    super(reported.errorMessage);
    this.reported = reported;
  }
}

/**
 * Loads a bundle as Lambda's Node 24 runtime does: `.js` (CommonJS unless the bundle's own package.json says otherwise),
 * `.mjs` or `.cjs`, and the named export of it.
 *
 * @throws LoadError
 */
export async function loadHandler(taskRoot: string, handler: string): Promise<Handler> {
  const [, module = '', path = ''] = /^(.*?)\.([^/]*)$/.exec(handler) ?? [];
  if (!module || !path)
    throw new LoadError({
      errorType: 'Runtime.MalformedHandlerName',
      errorMessage: `Bad handler ${handler}`,
    });
  confineModules(taskRoot);
  const found = path
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown> | undefined)?.[name],
      await load(taskRoot, module),
    );
  if (typeof found !== 'function')
    throw new LoadError({
      errorType: 'Runtime.HandlerNotFound',
      errorMessage: `${handler} is undefined or not exported`,
    });
  if (found.length > 2)
    throw new LoadError({
      errorType: 'Runtime.CallbackHandlerDeprecated',
      errorMessage: `${handler} takes a callback, which Lambda no longer supports from Node.js 24 on. Make it async.`,
    });
  return found as Handler;
}

async function load(taskRoot: string, module: string): Promise<unknown> {
  const file = ['.js', '.mjs', '.cjs']
    .map((extension) => join(taskRoot, module + extension))
    .find(existsSync);
  if (!file)
    throw new LoadError({
      errorType: 'Runtime.ImportModuleError',
      errorMessage: `Error: Cannot find module '${module}' in ${taskRoot}`,
    });
  try {
    return file.endsWith('.mjs') || (file.endsWith('.js') && isModulePackage(taskRoot))
      ? await import(pathToFileURL(file).href)
      : createRequire(file)(file);
  } catch (error) {
    const { errorType, errorMessage, trace } = reportedError(error);
    const known = { MODULE_NOT_FOUND: 1, ERR_MODULE_NOT_FOUND: 1 };
    const missing = Object.hasOwn(known, String((error as NodeJS.ErrnoException | undefined)?.code));
    const kind =
      errorType === 'SyntaxError'
        ? 'Runtime.UserCodeSyntaxError'
        : missing
          ? 'Runtime.ImportModuleError'
          : errorType;
    const message = kind === errorType ? errorMessage : `${errorType}: ${errorMessage}`;
    throw new LoadError({ errorType: kind, errorMessage: message, ...(trace && { trace }) });
  }
}

/**
 * On Lambda a bundle lies alone in /var/task; here it lies within a project. So the project's package.json must not turn
 * its `.js` files into ES modules, and it must find no module that it does not bring along, but for the SDK that
 * Lambda's runtime holds ready.
 */
function confineModules(taskRoot: string): void {
  const root = pathToFileURL(join(taskRoot, '/')).href;
  const scriptsAreModules = isModulePackage(taskRoot);
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const escapes =
        context.parentURL?.startsWith(root) &&
        resolved.url.startsWith('file:') &&
        !resolved.url.startsWith(root);
      if (!escapes || isBuiltin(specifier) || /^@(aws-sdk|smithy)\//.test(specifier)) return resolved;
      const from = fileURLToPath(context.parentURL ?? root);
      throw Object.assign(
        new Error(
          `Cannot find module '${specifier}' from ${from}: the bundle does not hold it, and Lambda would not have it`,
        ),
        { code: 'MODULE_NOT_FOUND' },
      );
    },
    load(url, context, next) {
      const plain =
        url.startsWith(root) && url.endsWith('.js') && !scriptsAreModules && !url.includes('/node_modules/');
      return next(url, plain ? { ...context, format: 'commonjs' } : context);
    },
  });
}

function isModulePackage(taskRoot: string): boolean {
  const file = join(taskRoot, 'package.json');
  return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { type?: string }).type === 'module';
}
