
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mtl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mtl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mtl' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use color')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the local Lambda')
            [CompletionResult]::new('invoke', 'invoke', [CompletionResultType]::ParameterValue, 'Invoke a function, here or on AWS')
            [CompletionResult]::new('metrics', 'metrics', [CompletionResultType]::ParameterValue, 'Show metrics per tenant, from here or from CloudWatch')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mtl;serve' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The address to listen on')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The port to listen on; 0 is any free one [default: 7000, or a free one if it is taken]')
            [CompletionResult]::new('--allow-host', '--allow-host', [CompletionResultType]::ParameterName, 'A further host name that may call, such as a container''s name for this machine')
            [CompletionResult]::new('--invocation-endpoint', '--invocation-endpoint', [CompletionResultType]::ParameterName, 'The path of the plain route, as in Swift''s local server')
            [CompletionResult]::new('--handler', '--handler', [CompletionResultType]::ParameterName, 'A handler of Python or Node.js in this folder, FILE.FUNCTION, in place of a program')
            [CompletionResult]::new('--runtime', '--runtime', [CompletionResultType]::ParameterName, 'The runtime of the handler, such as python3.12 or nodejs22.x [default: that of its file]')
            [CompletionResult]::new('--attach', '--attach', [CompletionResultType]::ParameterName, 'Wait for N runtimes that you start, in a debugger or an IDE; the timeout is off unless given')
            [CompletionResult]::new('--function-name', '--function-name', [CompletionResultType]::ParameterName, 'Its name [default: function]')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'The Region in its ARN [default: that of the shell, or us-east-1]')
            [CompletionResult]::new('--account-id', '--account-id', [CompletionResultType]::ParameterName, 'The account in its ARN')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long one invocation may take, 1s to 900s [default: 3s]')
            [CompletionResult]::new('--memory-size', '--memory-size', [CompletionResultType]::ParameterName, 'Its memory in MB, 128 to 10240; enforced only when given [default: 128]')
            [CompletionResult]::new('--architecture', '--architecture', [CompletionResultType]::ParameterName, 'Its instruction set, which is only reported [default: this machine''s]')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'A variable of its environment; repeatable, and stronger than --env-file')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'A file with one K=V per line, taken as it stands, as Docker does')
            [CompletionResult]::new('--extension', '--extension', [CompletionResultType]::ParameterName, 'An external extension, started for each environment; repeatable [default: /opt/extensions/*]')
            [CompletionResult]::new('--tenant-isolation-mode', '--tenant-isolation-mode', [CompletionResultType]::ParameterName, 'Whether every invocation names a tenant, or none does [default: the template''s, or the first]')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'A template of SAM, CloudFormation or CDK, whose functions and APIs are served')
            [CompletionResult]::new('--parameter', '--parameter', [CompletionResultType]::ParameterName, 'A parameter of the template; repeatable')
            [CompletionResult]::new('--command', '--command', [CompletionResultType]::ParameterName, 'What runs a function of the template, in a shell in the folder of its code; repeatable')
            [CompletionResult]::new('--api-port', '--api-port', [CompletionResultType]::ParameterName, 'The port of the REST API; 0 is any free one [default: 3000, if there is an API, or a free one if it is taken]')
            [CompletionResult]::new('--tenant-from', '--tenant-from', [CompletionResultType]::ParameterName, 'Where requests to the API name their tenant: querystring:NAME, header:NAME or path:NAME')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'Concurrent executions of the account; environments are limited to 2.5 times that')
            [CompletionResult]::new('--reserved-concurrency', '--reserved-concurrency', [CompletionResultType]::ParameterName, 'Concurrent executions reserved for the function; 0 throttles every invocation')
            [CompletionResult]::new('--max-environments', '--max-environments', [CompletionResultType]::ParameterName, 'A lower ceiling of environments, for a small machine')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'How long an environment may be idle')
            [CompletionResult]::new('--max-lifetime', '--max-lifetime', [CompletionResultType]::ParameterName, 'How long an environment may live; it ends when it is free')
            [CompletionResult]::new('--init-timeout', '--init-timeout', [CompletionResultType]::ParameterName, 'How long the init phase may take')
            [CompletionResult]::new('--maximum-retry-attempts', '--maximum-retry-attempts', [CompletionResultType]::ParameterName, 'How often an event is tried again after a function error, 0 to 2 [default: 2]')
            [CompletionResult]::new('--maximum-event-age', '--maximum-event-age', [CompletionResultType]::ParameterName, 'How old an event may become [default: 6h]')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'The wait before the first retry; it doubles')
            [CompletionResult]::new('--on-success', '--on-success', [CompletionResultType]::ParameterName, 'A folder or http URL for the records of events that succeeded')
            [CompletionResult]::new('--on-failure', '--on-failure', [CompletionResultType]::ParameterName, 'A folder or http URL for the records of events that were given up')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'The format of the platform''s log lines [default: text, or that of the template]')
            [CompletionResult]::new('--log-dir', '--log-dir', [CompletionResultType]::ParameterName, 'Also write one file per log stream into this folder')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The format of stdout')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The format of stdout')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Give new invocations new environments when a file changes there; repeatable [default: the code]')
            [CompletionResult]::new('--build', '--build', [CompletionResultType]::ParameterName, 'A command that builds the code, at the start and when something has changed')
            [CompletionResult]::new('--run', '--run', [CompletionResultType]::ParameterName, 'A command to run while mtl serves; mtl ends with it, with its exit code')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long a stop waits for what is running')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use color')
            [CompletionResult]::new('--no-local-endpoints', '--no-local-endpoints', [CompletionResultType]::ParameterName, 'Don''t point the function''s own AWS SDK at mtl: its calls to Lambda go where the shell''s do')
            [CompletionResult]::new('--inspect', '--inspect', [CompletionResultType]::ParameterName, 'Start each environment''s handler under a debugger, on a port of its own; timeouts are off')
            [CompletionResult]::new('--no-timeout', '--no-timeout', [CompletionResultType]::ParameterName, 'Let invocations and inits take as long as they like, for debugging')
            [CompletionResult]::new('--no-scaling-limit', '--no-scaling-limit', [CompletionResultType]::ParameterName, 'Lift the limit of 1,000 new environments per 10 s')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mtl;invoke' {
            [CompletionResult]::new('--tenant-id', '--tenant-id', [CompletionResultType]::ParameterName, 'The tenant to invoke it for; can be repeated for a load')
            [CompletionResult]::new('--tenant', '--tenant', [CompletionResultType]::ParameterName, 'The tenant to invoke it for; can be repeated for a load')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The event: text, `@FILE`, or `-` for standard input')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'The event: text, `@FILE`, or `-` for standard input')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'What to print')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'What to print')
            [CompletionResult]::new('--invocation-type', '--invocation-type', [CompletionResultType]::ParameterName, 'Whether to wait for the answer')
            [CompletionResult]::new('--client-context', '--client-context', [CompletionResultType]::ParameterName, 'What the function learns of its caller: a JSON object as text or `@FILE`')
            [CompletionResult]::new('--endpoint', '--endpoint', [CompletionResultType]::ParameterName, '`http://HOST:PORT` of the server, unless it is that of this folder')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header to send; can be repeated')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many invocations to make')
            [CompletionResult]::new('--requests', '--requests', [CompletionResultType]::ParameterName, 'How many invocations to make')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'For how long to start new invocations')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'How many invocations run at once [default: 10]')
            [CompletionResult]::new('--connections', '--connections', [CompletionResultType]::ParameterName, 'How many invocations run at once [default: 10]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'How many invocations to start per second, however long the answers take')
            [CompletionResult]::new('--tenants', '--tenants', [CompletionResultType]::ParameterName, 'Invoke for N made-up tenants in turn')
            [CompletionResult]::new('--tenants-file', '--tenants-file', [CompletionResultType]::ParameterName, 'Invoke for the tenants in a file in turn, one per line')
            [CompletionResult]::new('--environment-at', '--environment-at', [CompletionResultType]::ParameterName, 'Where the function''s answer tells its environment: a JSON pointer such as /pid')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region of the function')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the AWS configuration files')
            [CompletionResult]::new('--qualifier', '--qualifier', [CompletionResultType]::ParameterName, 'Version or alias of the function')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'How often the SDK tries again after a throttle [default: 0]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use color')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Print the last 4 KB of the log to stderr')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Print the answer while it arrives')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Invoke nothing; say what is wrong with the function''s set-up for tenants')
            [CompletionResult]::new('--cold', '--cold', [CompletionResultType]::ParameterName, 'Ask for a new environment of the tenant, as only mtl can')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask before a load on AWS (--remote), which costs money')
            [CompletionResult]::new('--leak-check', '--leak-check', [CompletionResultType]::ParameterName, 'Give each tenant a secret, and look for it in the answers and logs of all others')
            [CompletionResult]::new('--remote', '--remote', [CompletionResultType]::ParameterName, 'Invoke on AWS, which is never called without this')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mtl;metrics' {
            [CompletionResult]::new('--tenant', '--tenant', [CompletionResultType]::ParameterName, 'The tenant to show; can be repeated')
            [CompletionResult]::new('--tenant-id', '--tenant-id', [CompletionResultType]::ParameterName, 'The tenant to show; can be repeated')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'How far back to look: 15m, 6h, 7d')
            [CompletionResult]::new('--start-time', '--start-time', [CompletionResultType]::ParameterName, 'The start of the window: RFC 3339, in UTC unless it names an offset')
            [CompletionResult]::new('--end-time', '--end-time', [CompletionResultType]::ParameterName, 'The end of the window [default: now]')
            [CompletionResult]::new('--period', '--period', [CompletionResultType]::ParameterName, 'How long a period is [default: one that fits the window]')
            [CompletionResult]::new('--metric', '--metric', [CompletionResultType]::ParameterName, 'Show this metric instead of Lambda''s; can be repeated')
            [CompletionResult]::new('--statistic', '--statistic', [CompletionResultType]::ParameterName, 'A statistic of it: `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p50` and so on; can be repeated')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the metric')
            [CompletionResult]::new('--dimension', '--dimension', [CompletionResultType]::ParameterName, 'A dimension of the metric, in place of its tenant; can be repeated')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Where the figures of tenants come from')
            [CompletionResult]::new('--price', '--price', [CompletionResultType]::ParameterName, 'A price in place of AWS''s: `request=USD`, `gb-second=USD`, `environment-gb=USD`; can be repeated')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'The column to sort by, the greatest first')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Show the report again and again [default: every 2s]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'What to print')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'What to print')
            [CompletionResult]::new('--endpoint', '--endpoint', [CompletionResultType]::ParameterName, '`http://HOST:PORT` of the server, unless it is that of this folder')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'Region of the function')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the AWS configuration files')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use color')
            [CompletionResult]::new('--cost', '--cost', [CompletionResultType]::ParameterName, 'Show what the same traffic costs on AWS')
            [CompletionResult]::new('--remote', '--remote', [CompletionResultType]::ParameterName, 'Ask CloudWatch on AWS, which charges for it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mtl;completions' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use color')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mtl;help' {
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the local Lambda')
            [CompletionResult]::new('invoke', 'invoke', [CompletionResultType]::ParameterValue, 'Invoke a function, here or on AWS')
            [CompletionResult]::new('metrics', 'metrics', [CompletionResultType]::ParameterValue, 'Show metrics per tenant, from here or from CloudWatch')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mtl;help;serve' {
            break
        }
        'mtl;help;invoke' {
            break
        }
        'mtl;help;metrics' {
            break
        }
        'mtl;help;completions' {
            break
        }
        'mtl;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
