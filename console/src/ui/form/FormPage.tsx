import ArrowBack from '@mui/icons-material/ArrowBack';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Link from '@mui/material/Link';
import Skeleton from '@mui/material/Skeleton';
import {
    CreateContextProvider,
    EditContextProvider,
    Form,
    useCreateController,
    useEditController,
    useDataProvider,
    useRecordContext,
    useSaveContext,
    type RaRecord,
} from 'ra-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useFormContext, useFormState } from 'react-hook-form';
import { Link as RouterLink, useNavigate } from 'react-router';
import { useCanDo, useMyPermissions } from '@/access/me';
import { useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { columnOf, onWire, type ResourceName } from '@/providers/resources';
import { Confirm } from '../confirm';
import { Page, PageHead, Section } from '../page';
import { ProblemBox, useFormProblem, useTell, useTellProblem } from '../problems';
import { FormRightsProvider } from './rights';

interface FormPageProps<T> {
    resource: ResourceName;
    children: ReactNode;
    /** Where Cancel and the way back lead: the list, unless said otherwise. */
    list?: string;
    /** What is sent, from what the form holds. */
    transform?: (data: Partial<T>) => Partial<T>;
    validate?: (data: Record<string, unknown>) => Record<string, unknown>;
    /** Where in the form a field stands that the server names, if it is sent otherwise than it is typed. */
    place?: (field: string, data: Partial<T>) => string;
    width?: number;
}

/** The form for something new. */
export function CreatePage<T extends RaRecord>({
    resource,
    title,
    about,
    children,
    list = `/${resource}`,
    transform,
    validate,
    place,
    defaults,
    onDone,
    width,
}: FormPageProps<T> & {
    title: string;
    about?: ReactNode;
    defaults?: Partial<T>;
    /** What comes after it was made; the list, if nothing is said. */
    onDone?: (made: T) => void;
}) {
    const t = useT();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const formProblem = useFormProblem();
    const navigate = useNavigate();
    const typed = useRef<Partial<T>>({});
    const placed = (field: string) => place?.(field, typed.current) ?? field;
    const controller = useCreateController<T>({
        resource,
        transform: (data: Partial<T>) => {
            typed.current = data;
            return transform ? transform(data) : data;
        },
        mutationOptions: {
            onSuccess: (made: T) => {
                if (onDone) return onDone(made);
                tell(t('form.created'));
                return void navigate(list);
            },
            onError: (problem: unknown) => tellProblem(formProblem(problem, placed)),
        },
    });
    return (
        <CreateContextProvider value={controller as never}>
            <Page width={width ?? 900}>
                <PageHead title={title} about={about} back={<Back to={list} />} />
                <Form defaultValues={defaults as never} validate={validate} warnWhenUnsavedChanges sanitizeEmptyValues noValidate>
                    {children}
                    <FirstFault />
                    <SaveBar list={list} action={t('form.create')} />
                </Form>
            </Page>
        </CreateContextProvider>
    );
}

/** The form for something that is there. Without the right to change it, it can be read. */
export function EditPage<T extends RaRecord>({
    resource,
    title,
    about,
    children,
    list = `/${resource}`,
    transform,
    validate,
    place,
    actions,
    canDelete = () => true,
    deleteText,
    after,
    onDone,
    width,
}: FormPageProps<T> & {
    title: (record: T) => string;
    about?: (record: T) => ReactNode;
    actions?: (record: T) => ReactNode;
    canDelete?: (record: T) => boolean;
    /** What is asked before it is deleted. */
    deleteText?: (record: T) => string;
    /** What comes after it was changed; true if that is all, else the list follows. */
    onDone?: (changed: T) => boolean;
    /** What stands under the form and is no part of it. */
    after?: (record: T) => ReactNode;
}) {
    const t = useT();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const formProblem = useFormProblem();
    const navigate = useNavigate();
    const queries = useQueryClient();
    const dataProvider = useDataProvider();
    const mayDo = useCanDo(resource);
    const columns = useMyPermissions()?.resources[onWire(resource).wire]?.columns;
    const masks = (name: string) => columns?.some((column) => column.name === columnOf(resource, name) && column.mode === 'mask') ?? false;
    const sees = (name: string) => !columns?.length || columns.some((column) => column.name === columnOf(resource, name));
    const { rest } = onWire(resource);
    const typed = useRef<Partial<T>>({});
    const placed = (field: string) => place?.(field, typed.current) ?? field;
    const [conflict, setConflict] = useState(false);
    const [deleting, setDeleting] = useState(false);
    const [held, setHeld] = useState<T>();
    // How often all that was typed was given up for what the server has.
    const [loads, setLoads] = useState(0);
    const controller = useEditController<T>({
        resource,
        // What is masked stays as it is: what came of it is the mask.
        transform: (data: Partial<T>) => {
            typed.current = data;
            return Object.fromEntries(Object.entries(transform ? transform(data) : data).filter(([name]) => !masks(name))) as Partial<T>;
        },
        mutationMode: 'pessimistic',
        queryOptions: { onError: () => undefined },
        mutationOptions: {
            onSuccess: (changed: T) => {
                tell(t('form.saved'));
                setHeld(changed);
                void queries.invalidateQueries({ queryKey: [resource] });
                if (!onDone?.(changed)) void navigate(list);
            },
            onError: (problem: unknown) => {
                if (problem instanceof Problem && problem.code === 'version_conflict') setConflict(true);
                else tellProblem(formProblem(problem, placed));
            },
        },
    });
    const { record, error, refetch } = controller;
    if (error && (!record || (error instanceof Problem && error.status === 404))) {
        return (
            <Page>
                <Back to={list} />
                <ProblemBox error={error} onRetry={() => void refetch()} />
            </Page>
        );
    }
    if (!record) return <FormSkeleton list={list} />;
    // What has no column of its own is sent as a whole, or would be lost: it takes the whole to change any of it.
    const isWritable = mayDo('update') && (!rest || (sees(rest.column) && !masks(rest.column)));
    return (
        <EditContextProvider value={controller as never}>
            <Page width={width ?? 900}>
                <PageHead title={title(record)} about={about?.(record)} back={<Back to={list} />} actions={actions?.(record)} />
                <Form record={held?.id === record.id ? held : record} key={`${record.id}:${loads}`} validate={validate} warnWhenUnsavedChanges sanitizeEmptyValues noValidate>
                    <FirstFault />
                    <Follow resource={resource} record={record} held={held} onFollow={setHeld} />
                    <FormRightsProvider rights={{ readOnly: !isWritable, sees, masks }}>
                        <Box component="fieldset" disabled={!isWritable} sx={{ border: 0, p: 0, m: 0, minWidth: 0 }}>
                            {children}
                        </Box>
                    </FormRightsProvider>
                    {isWritable && (
                        <SaveBar
                            list={list}
                            action={t('form.save')}
                            extra={
                                mayDo('delete') &&
                                canDelete(record) && (
                                    <Button color="error" startIcon={<DeleteOutlined />} onClick={() => setDeleting(true)}>
                                        {t('form.delete')}
                                    </Button>
                                )
                            }
                        />
                    )}
                </Form>
                {after?.(record)}
            </Page>
            <Confirm
                open={deleting}
                danger
                title={t('form.delete_title', { name: title(record) })}
                action={t('form.delete')}
                onClose={() => setDeleting(false)}
                onConfirm={async () => {
                    await dataProvider.delete(resource, { id: record.id, previousData: record });
                    tell(t('form.deleted'));
                    // What was typed goes with it, unasked.
                    setLoads(loads + 1);
                    await queries.invalidateQueries({ queryKey: [resource, 'getList'] });
                    await navigate(list);
                }}
            >
                {deleteText?.(record) ?? t('form.delete_text')}
            </Confirm>
            <Confirm
                open={conflict}
                title={t('form.conflict_title')}
                action={t('form.reload')}
                onClose={() => setConflict(false)}
                onConfirm={async () => {
                    const { data } = await refetch();
                    setHeld(data);
                    setLoads(loads + 1);
                }}
            >
                {t('form.conflict_text')}
            </Confirm>
        </EditContextProvider>
    );
}

/**
 * A record may come anew while its form is open. A form in which nothing was typed shows it. What was typed stays, and
 * is saved over the new version only if nothing that the form can change is different in it.
 */
function Follow<T extends RaRecord>({ resource, record, held, onFollow }: { resource: ResourceName; record: T; held: T | undefined; onFollow: (record: T) => void }) {
    const { isDirty } = useFormState();
    const { setValue } = useFormContext();
    useEffect(() => {
        if (held === record) return;
        if (!isDirty || held?.id !== record.id) onFollow(record);
        else if (onWire(resource).update?.every((name) => JSON.stringify(held[name]) === JSON.stringify(record[name]))) setValue('version', record.version);
    }, [resource, record, held, isDirty, onFollow, setValue]);
    return null;
}

/** Leads to the first field that is wrong once the server has said so: in a long form it may be far away. */
function FirstFault() {
    const { errors, isSubmitting, submitCount } = useFormState();
    const place = useRef<HTMLSpanElement>(null);
    const isWrong = Object.keys(errors).length > 0;
    useEffect(() => {
        if (!isWrong || isSubmitting || submitCount === 0) return undefined;
        // Parts that were shut open first.
        const timer = setTimeout(() => {
            const first = place.current?.closest('form')?.querySelector<HTMLElement>('[aria-invalid="true"]');
            first?.focus();
            first?.scrollIntoView({ block: 'center' });
        });
        return () => clearTimeout(timer);
    }, [isWrong, isSubmitting, submitCount]);
    return <span ref={place} hidden />;
}

function Back({ to }: { to: string }) {
    const t = useT();
    return (
        <Link component={RouterLink} to={to} variant="body2" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'text.secondary', mb: 0.25 }}>
            <ArrowBack sx={{ fontSize: 15 }} />
            {t('form.back')}
        </Link>
    );
}

function SaveBar({ list, action, extra }: { list: string; action: string; extra?: ReactNode }) {
    const t = useT();
    const { isDirty } = useFormState();
    const { clearErrors } = useFormContext();
    const { saving } = useSaveContext();
    const isNew = useRecordContext()?.id === undefined;
    return (
        <Box
            sx={{ position: 'sticky', bottom: 0, zIndex: 3, display: 'flex', gap: 1, alignItems: 'center', py: 1.25, bgcolor: 'background.default', borderTop: 1, borderColor: 'divider' }}
        >
            {/* What the server said of the last attempt is no reason not to make another. */}
            <Button type="submit" variant="contained" loading={saving} disabled={!isDirty && !isNew} onClick={() => clearErrors()}>
                {action}
            </Button>
            <Button component={RouterLink} to={list} color="inherit">
                {t('common.cancel')}
            </Button>
            <Box sx={{ flex: 1 }} />
            {extra}
        </Box>
    );
}

function FormSkeleton({ list }: { list: string }) {
    return (
        <Page width={900}>
            <Back to={list} />
            <Skeleton width={260} height={32} />
            <Box sx={{ mt: 2 }}>
                <Section>
                    {[0, 1, 2, 3].map((index) => (
                        <Skeleton key={index} height={44} sx={{ maxWidth: 420, mb: 1 }} />
                    ))}
                </Section>
            </Box>
        </Page>
    );
}

/** Inputs side by side where there is room. */
export function Fields({ children }: { children: ReactNode }) {
    return (
        <Box
            sx={{
                display: 'grid',
                gridTemplateColumns: { xs: '1fr', sm: '1fr 1fr' },
                columnGap: 2,
                rowGap: 1.25,
                mb: 1.25,
                alignItems: 'start',
                '& .MuiFormHelperText-root': { minHeight: '1.25em' },
            }}
        >
            {children}
        </Box>
    );
}
