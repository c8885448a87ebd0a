import Autocomplete from '@mui/material/Autocomplete';
import TextField from '@mui/material/TextField';
import { useGetList, useGetOne } from 'ra-core';
import { useDeferredValue, useState } from 'react';
import type { User } from '@/api/types';
import { useT } from '@/i18n';

/** A person, found by name. */
export function UserPicker({
    value,
    onChange,
    label,
    autoFocus,
    helperText,
    error,
    without,
    disabled,
}: {
    value: string | null;
    onChange: (id: string | null) => void;
    label?: string;
    autoFocus?: boolean;
    helperText?: React.ReactNode;
    error?: boolean;
    /** Who cannot be chosen, such as oneself for one's own manager. */
    without?: string;
    disabled?: boolean;
}) {
    const t = useT();
    const [text, setText] = useState('');
    const search = useDeferredValue(text);
    const { data: found = [], isFetching } = useGetList<User>(
        'users',
        { filter: { q: search }, pagination: { page: 1, perPage: 20 }, sort: { field: 'username', order: 'ASC' }, meta: { count: 'none' } },
        { retry: false, onError: () => undefined },
    );
    const { data: chosen } = useGetOne<User>('users', { id: value ?? '' }, { enabled: Boolean(value), retry: false, onError: () => undefined });
    const current = value ? (chosen ?? ({ id: value, username: `#${value}`, display_name: '' } as User)) : null;
    const options = found.filter(({ id }) => id !== without);
    return (
        <Autocomplete<User>
            value={current}
            disabled={disabled}
            options={current && !options.some(({ id }) => id === current.id) ? [current, ...options] : options}
            filterOptions={(all) => all}
            getOptionLabel={name}
            isOptionEqualToValue={(a, b) => a.id === b.id}
            onInputChange={(_, next, reason) => setText(reason === 'input' ? next : '')}
            onChange={(_, next) => onChange(next?.id ?? null)}
            loading={isFetching}
            loadingText={t('common.loading')}
            renderOption={({ key: _, ...props }, user) => (
                <li key={user.id} {...props}>
                    <bdi>{name(user)}</bdi>
                </li>
            )}
            renderInput={(params) => <TextField {...params} label={label ?? t('columns.user')} autoFocus={autoFocus} helperText={helperText} error={error} />}
        />
    );
}

function name(user: User): string {
    return user.display_name && user.display_name !== user.username ? `${user.display_name} (${user.username})` : user.username;
}
