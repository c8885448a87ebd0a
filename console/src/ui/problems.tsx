import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { useNotify, useTranslate } from 'ra-core';
import { useCallback } from 'react';
import { useCode, useFormat, useT } from '@/i18n';
import { Problem } from '@/providers/problem';

/** Codes that stand for many things: the server's own words say which. */
const DETAILED = new Set(['wrong_state']);

/** What went wrong and what to do about it, in the person's language. */
export function useProblemText(): (error: unknown) => string {
    const t = useT();
    const translate = useTranslate();
    const code = useCode();
    const format = useFormat();
    return useCallback(
        (error) => {
            if (!(error instanceof Problem)) return t('problems.unexpected');
            const values: Record<string, string | number> = {};
            for (const [name, value] of Object.entries(error.more)) {
                if (typeof value === 'string' || typeof value === 'number') values[name] = value;
            }
            if (typeof error.more.state === 'string') values.state = code('slot_states', error.more.state);
            const known = translate(`problems.${error.code}`, { ...values, wait: format.span((error.retryAfterS ?? 0) * 1000), _: '' });
            if (known && error.detail && DETAILED.has(error.code)) return `${known} ${t('problems.server_says', { detail: error.detail })}`;
            if (known) return error.retryAfterS && error.code !== 'too_many_attempts' && error.status === 503 ? `${known} ${t('problems.again_in', { wait: format.span(error.retryAfterS * 1000) })}` : known;
            // A code that this console does not know: the server's own words say more than the status alone.
            const general = error.status >= 500 ? t('problems.server') : t('problems.refused');
            return error.detail ? `${general} ${t('problems.server_says', { detail: error.detail })}` : general;
        },
        [t, translate, code, format],
    );
}

/** Tells a failure in passing. */
export function useTellProblem(): (error: unknown) => void {
    const notify = useNotify();
    const text = useProblemText();
    return useCallback((error) => notify(text(error), { type: 'error', autoHideDuration: 8000, messageArgs: { _: text(error) } }), [notify, text]);
}

/** Tells a success in passing. */
export function useTell(): (message: string) => void {
    const notify = useNotify();
    return useCallback((message) => notify(message, { type: 'success', messageArgs: { _: message } }), [notify]);
}

/** A failure in the place of what could not be shown. */
export function ProblemBox({ error, text, onRetry }: { error: unknown; /** What to say, if not what the failure itself says. */ text?: string; onRetry?: () => void }) {
    const t = useT();
    const textOf = useProblemText();
    // What is refused needs no look into the log; what failed does.
    const requestId = error instanceof Problem && error.status >= 500 ? error.requestId : undefined;
    return (
        <Alert
            severity={error instanceof Problem && error.passes ? 'warning' : 'error'}
            sx={{ my: 1 }}
            action={
                onRetry && (
                    <Button color="inherit" onClick={onRetry}>
                        {t('common.retry')}
                    </Button>
                )
            }
        >
            {text ?? textOf(error)}
            {requestId && (
                <Typography variant="caption" component="div" sx={{ opacity: 0.75 }}>
                    {t('problems.request_id', { id: requestId })}
                </Typography>
            )}
        </Alert>
    );
}

/** Puts what the server says of fields beside those fields, in a form of react-admin's. */
export function useFormProblem(): (error: unknown, place?: (field: string) => string) => unknown {
    const code = useCode();
    const t = useT();
    return useCallback(
        (error, place = (field) => field) => {
            if (error instanceof Problem && error.faults.length > 0) {
                const errors: Record<string, unknown> = {};
                for (const fault of error.faults) {
                    const general = code('field_faults', fault.code, t('field_faults.invalid_field'));
                    const path = place(fault.field).replace(/\[(\d+)\]/g, '.$1').split('.');
                    put(errors, path, fault.detail && fault.code === 'invalid_field' ? `${general} (${fault.detail})` : general);
                }
                error.body = { errors };
            }
            return error;
        },
        [code, t],
    );
}

function put(into: Record<string, unknown>, [name = '', ...rest]: string[], value: string): void {
    if (rest.length === 0) {
        into[name] ??= value;
        return;
    }
    const next = typeof into[name] === 'object' && into[name] !== null ? (into[name] as Record<string, unknown>) : {};
    into[name] = next;
    put(next, rest, value);
}
