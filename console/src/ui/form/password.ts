import type { Validator } from 'ra-core';

/** How many characters a password has at least; the server has the same rule. */
export const PASSWORD_MIN = 8;

export const isLongEnough =
    (min: number): Validator =>
    (value: unknown) =>
        typeof value === 'string' && value !== '' && [...value].length < min ? { message: 'form.password_short', args: { min } } : undefined;
