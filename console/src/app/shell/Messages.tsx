import Alert from '@mui/material/Alert';
import Snackbar from '@mui/material/Snackbar';
import { useNotificationContext, useTakeUndoableMutation, useTranslate, type NotificationPayload } from 'ra-core';
import { useEffect, useState } from 'react';

/** What is told in passing, one after the other. */
export function Messages() {
    const translate = useTranslate();
    const { notifications, takeNotification, setNotifications } = useNotificationContext();
    const takeMutation = useTakeUndoableMutation();
    const [message, setMessage] = useState<NotificationPayload>();
    const [open, setOpen] = useState(false);
    useEffect(() => {
        if (message || notifications.length === 0) return;
        const next = takeNotification();
        if (!next) return;
        // Nothing of ours can be undone: what react-admin would hold back is done at once.
        if (next.notificationOptions?.undoable) takeMutation()?.({ isUndo: false });
        setMessage(next);
        setOpen(true);
    }, [notifications, message, takeNotification, takeMutation]);
    // Whoever sends a form tries anew: what went wrong before says nothing about that.
    useEffect(() => {
        const forget = () => {
            setMessage((shown) => (shown?.type === 'error' ? undefined : shown));
            setNotifications((waiting) => waiting.filter(({ type }) => type !== 'error'));
        };
        document.addEventListener('submit', forget, true);
        return () => document.removeEventListener('submit', forget, true);
    }, [setNotifications]);
    if (!message) return null;
    const { type = 'info', message: text, notificationOptions } = message;
    return (
        <Snackbar
            open={open}
            autoHideDuration={notificationOptions?.autoHideDuration ?? 4000}
            anchorOrigin={{ vertical: 'bottom', horizontal: 'center' }}
            onClose={(_, reason) => reason !== 'clickaway' && setOpen(false)}
            slotProps={{ transition: { onExited: () => setMessage(undefined) } }}
        >
            <Alert variant="filled" severity={type === 'success' || type === 'error' || type === 'warning' ? type : 'info'} onClose={() => setOpen(false)} sx={{ minWidth: 280, maxWidth: 620 }}>
                {typeof text === 'string' ? translate(text, notificationOptions?.messageArgs as Record<string, unknown>) : text}
            </Alert>
        </Snackbar>
    );
}
