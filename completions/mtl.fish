# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mtl_global_optspecs
    string join \n color= h/help V/version
end

function __fish_mtl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mtl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mtl_using_subcommand
    set -l cmd (__fish_mtl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mtl -n "__fish_mtl_needs_command" -l color -d 'When to use color' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mtl -n "__fish_mtl_needs_command" -s h -l help -d 'Print help'
complete -c mtl -n "__fish_mtl_needs_command" -s V -l version -d 'Print version'
complete -c mtl -n "__fish_mtl_needs_command" -f -a "serve" -d 'Run the local Lambda'
complete -c mtl -n "__fish_mtl_needs_command" -f -a "invoke" -d 'Invoke a function, here or on AWS'
complete -c mtl -n "__fish_mtl_needs_command" -f -a "metrics" -d 'Show metrics per tenant, from here or from CloudWatch'
complete -c mtl -n "__fish_mtl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c mtl -n "__fish_mtl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l host -d 'The address to listen on' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l port -d 'The port to listen on; 0 is any free one [default: 7000, or a free one if it is taken]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l allow-host -d 'A further host name that may call, such as a container\'s name for this machine' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l invocation-endpoint -d 'The path of the plain route, as in Swift\'s local server' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l handler -d 'A handler of Python or Node.js in this folder, FILE.FUNCTION, in place of a program' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l runtime -d 'The runtime of the handler, such as python3.12 or nodejs22.x [default: that of its file]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l attach -d 'Wait for N runtimes that you start, in a debugger or an IDE; the timeout is off unless given' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l function-name -d 'Its name [default: function]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l region -d 'The Region in its ARN [default: that of the shell, or us-east-1]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l account-id -d 'The account in its ARN' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l timeout -d 'How long one invocation may take, 1s to 900s [default: 3s]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l memory-size -d 'Its memory in MB, 128 to 10240; enforced only when given [default: 128]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l architecture -d 'Its instruction set, which is only reported [default: this machine\'s]' -r -f -a "arm64\t''
x86_64\t''"
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l env -d 'A variable of its environment; repeatable, and stronger than --env-file' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l env-file -d 'A file with one K=V per line, taken as it stands, as Docker does' -r -F
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l extension -d 'An external extension, started for each environment; repeatable [default: /opt/extensions/*]' -r -F
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l tenant-isolation-mode -d 'Whether every invocation names a tenant, or none does [default: the template\'s, or the first]' -r -f -a "PER_TENANT\t''
NONE\t''"
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l template -d 'A template of SAM, CloudFormation or CDK, whose functions and APIs are served' -r -F
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l parameter -d 'A parameter of the template; repeatable' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l command -d 'What runs a function of the template, in a shell in the folder of its code; repeatable' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l api-port -d 'The port of the REST API; 0 is any free one [default: 3000, if there is an API, or a free one if it is taken]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l tenant-from -d 'Where requests to the API name their tenant: querystring:NAME, header:NAME or path:NAME' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l concurrency -d 'Concurrent executions of the account; environments are limited to 2.5 times that' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l reserved-concurrency -d 'Concurrent executions reserved for the function; 0 throttles every invocation' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l max-environments -d 'A lower ceiling of environments, for a small machine' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l idle-timeout -d 'How long an environment may be idle' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l max-lifetime -d 'How long an environment may live; it ends when it is free' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l init-timeout -d 'How long the init phase may take' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l maximum-retry-attempts -d 'How often an event is tried again after a function error, 0 to 2 [default: 2]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l maximum-event-age -d 'How old an event may become [default: 6h]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l retry-delay -d 'The wait before the first retry; it doubles' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l on-success -d 'A folder or http URL for the records of events that succeeded' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l on-failure -d 'A folder or http URL for the records of events that were given up' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l log-format -d 'The format of the platform\'s log lines [default: text, or that of the template]' -r -f -a "text\t''
json\t''"
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l log-dir -d 'Also write one file per log stream into this folder' -r -F
complete -c mtl -n "__fish_mtl_using_subcommand serve" -s o -l output -d 'The format of stdout' -r -f -a "text\t''
json\t''"
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l watch -d 'Give new invocations new environments when a file changes there; repeatable [default: the code]' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l build -d 'A command that builds the code, at the start and when something has changed' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l run -d 'A command to run while mtl serves; mtl ends with it, with its exit code' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l grace -d 'How long a stop waits for what is running' -r
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l color -d 'When to use color' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l no-local-endpoints -d 'Don\'t point the function\'s own AWS SDK at mtl: its calls to Lambda go where the shell\'s do'
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l inspect -d 'Start each environment\'s handler under a debugger, on a port of its own; timeouts are off'
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l no-timeout -d 'Let invocations and inits take as long as they like, for debugging'
complete -c mtl -n "__fish_mtl_using_subcommand serve" -l no-scaling-limit -d 'Lift the limit of 1,000 new environments per 10 s'
complete -c mtl -n "__fish_mtl_using_subcommand serve" -s h -l help -d 'Print help'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l tenant-id -l tenant -d 'The tenant to invoke it for; can be repeated for a load' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -s p -l payload -d 'The event: text, `@FILE`, or `-` for standard input' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -s o -l output -d 'What to print' -r -f -a "text\t'The payload; a text ends with a newline, other bytes are left alone'
json\t'One document with `StatusCode`, `FunctionError`, `RequestId`, `Payload` ...'"
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l invocation-type -d 'Whether to wait for the answer' -r -f -a "RequestResponse\t'The answer is waited for'
Event\t'The event is queued'
DryRun\t'Everything is checked and nothing runs'"
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l client-context -d 'What the function learns of its caller: a JSON object as text or `@FILE`' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l endpoint -d '`http://HOST:PORT` of the server, unless it is that of this folder' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l header -d 'A header to send; can be repeated' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -s n -l requests -d 'How many invocations to make' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l duration -d 'For how long to start new invocations' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -s c -l connections -d 'How many invocations run at once [default: 10]' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l rate -d 'How many invocations to start per second, however long the answers take' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l tenants -d 'Invoke for N made-up tenants in turn' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l tenants-file -d 'Invoke for the tenants in a file in turn, one per line' -r -F
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l environment-at -d 'Where the function\'s answer tells its environment: a JSON pointer such as /pid' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l region -d 'Region of the function' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l profile -d 'Profile of the AWS configuration files' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l qualifier -d 'Version or alias of the function' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l retries -d 'How often the SDK tries again after a throttle [default: 0]' -r
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l color -d 'When to use color' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l log -d 'Print the last 4 KB of the log to stderr'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l stream -d 'Print the answer while it arrives'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l check -d 'Invoke nothing; say what is wrong with the function\'s set-up for tenants'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l cold -d 'Ask for a new environment of the tenant, as only mtl can'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l yes -d 'Don\'t ask before a load on AWS (--remote), which costs money'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l leak-check -d 'Give each tenant a secret, and look for it in the answers and logs of all others'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -l remote -d 'Invoke on AWS, which is never called without this'
complete -c mtl -n "__fish_mtl_using_subcommand invoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l tenant -l tenant-id -d 'The tenant to show; can be repeated' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l since -d 'How far back to look: 15m, 6h, 7d' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l start-time -d 'The start of the window: RFC 3339, in UTC unless it names an offset' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l end-time -d 'The end of the window [default: now]' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l period -d 'How long a period is [default: one that fits the window]' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l metric -d 'Show this metric instead of Lambda\'s; can be repeated' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l statistic -d 'A statistic of it: `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `p50` and so on; can be repeated' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l namespace -d 'The namespace of the metric' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l dimension -d 'A dimension of the metric, in place of its tenant; can be repeated' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l source -d 'Where the figures of tenants come from' -r -f -a "cloudwatch\t'The metrics by tenant'
logs\t'The JSON logs of a function on AWS, which Logs Insights reads and charges for'"
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l price -d 'A price in place of AWS\'s: `request=USD`, `gb-second=USD`, `environment-gb=USD`; can be repeated' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l sort -d 'The column to sort by, the greatest first' -r -f -a "tenant\t'By name'
invocations\t'The busiest first'
errors\t'Those that failed most often first'
error-rate\t'Those that failed for the largest part first'
throttles\t'Those that were throttled most often first'
average\t'The slowest on average first'
p50\t'The slowest at p50 first'
p99\t'The slowest at p99 first'
cold-starts\t'Those with the most cold starts first'"
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l watch -d 'Show the report again and again [default: every 2s]' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -s o -l output -d 'What to print' -r -f -a "table\t'Aligned columns'
plain\t'Fields with a tab between them'
json\t'One JSON document'
csv\t'Comma-separated values'"
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l endpoint -d '`http://HOST:PORT` of the server, unless it is that of this folder' -r -f
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l region -d 'Region of the function' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l profile -d 'Profile of the AWS configuration files' -r
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l color -d 'When to use color' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l cost -d 'Show what the same traffic costs on AWS'
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -l remote -d 'Ask CloudWatch on AWS, which charges for it'
complete -c mtl -n "__fish_mtl_using_subcommand metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mtl -n "__fish_mtl_using_subcommand completions" -l color -d 'When to use color' -r -f -a "auto\t''
always\t''
never\t''"
complete -c mtl -n "__fish_mtl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c mtl -n "__fish_mtl_using_subcommand help; and not __fish_seen_subcommand_from serve invoke metrics completions help" -f -a "serve" -d 'Run the local Lambda'
complete -c mtl -n "__fish_mtl_using_subcommand help; and not __fish_seen_subcommand_from serve invoke metrics completions help" -f -a "invoke" -d 'Invoke a function, here or on AWS'
complete -c mtl -n "__fish_mtl_using_subcommand help; and not __fish_seen_subcommand_from serve invoke metrics completions help" -f -a "metrics" -d 'Show metrics per tenant, from here or from CloudWatch'
complete -c mtl -n "__fish_mtl_using_subcommand help; and not __fish_seen_subcommand_from serve invoke metrics completions help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c mtl -n "__fish_mtl_using_subcommand help; and not __fish_seen_subcommand_from serve invoke metrics completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
